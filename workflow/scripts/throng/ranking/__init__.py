"""Ranking: ordered pairs and what is learnt from them."""
