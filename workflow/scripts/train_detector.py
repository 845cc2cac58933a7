"""Train a person detector from annotated boxes."""

from throng.sections.train_detector import TrainDetector
from throng.stage import main
from throng.stages import train_detector

if __name__ == "__main__":
    main(train_detector.run, TrainDetector, globals().get("snakemake"))
