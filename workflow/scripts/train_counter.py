"""Train a counter from head points."""

from throng.sections.train_counter import TrainCounter
from throng.stage import main
from throng.stages import train_counter

main(train_counter.run, TrainCounter, globals().get("snakemake"))
