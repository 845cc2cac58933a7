"""Train a counter from head points."""

from throng.sections.train_counter import TrainCounter
from throng.stage import main
from throng.stages import train_counter

if __name__ == "__main__":
    main(train_counter.run, TrainCounter, globals().get("snakemake"))
