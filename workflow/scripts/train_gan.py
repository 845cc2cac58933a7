"""Train a density-conditioned generator."""

from throng.sections.train_gan import TrainGan
from throng.stage import main
from throng.stages import train_gan

if __name__ == "__main__":
    main(train_gan.run, TrainGan, globals().get("snakemake"))
