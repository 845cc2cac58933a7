"""Learning to Count (Noroozi, Pirsiavash, Favaro, ICCV 2017): what the tiles of a picture hold adds up to the whole."""

from throng.counting.learning_to_count.loss import counting_loss

__all__ = ["counting_loss"]
