"""One training loop for every network: resumable to the bit, readable from top to bottom.

What makes the resume exact is how little there is to restore. Batches are a pure function of their number, the learning
rate of the step, and torch is seeded anew at every step from (seed, step, process); so a checkpoint holds weights,
optimiser moments, their average, the best so far and the rows logged, and nothing else can drift.
"""

from throng.training.accelerator import in_turns
from throng.training.batches import Batch, Prefetched
from throng.training.loop import LossOf, Stats, train
from throng.training.options import LoopOptions, rate_at
from throng.training.progress import Progress, Stateful
from throng.training.stop import TrainingStoppedError

__all__ = [
    "Batch",
    "LoopOptions",
    "LossOf",
    "Prefetched",
    "Progress",
    "Stateful",
    "Stats",
    "TrainingStoppedError",
    "in_turns",
    "rate_at",
    "train",
]
