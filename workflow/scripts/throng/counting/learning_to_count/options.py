"""What a network that learns to count depends on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from throng.counting.learning_to_count.batches import CropOptions
from throng.counting.learning_to_count.forward import Pairing
from throng.counting.learning_to_count.loss import MARGIN
from throng.counting.learning_to_count.networks import HeadName
from throng.counting.learning_to_count.operators import PAPER_FILTERS, Grid
from throng.errors import ThrongError
from throng.schedules import Schedule
from throng.training import LoopOptions


@dataclass(frozen=True)
class PretextOptions:
    """What a network that learns to count depends on, beside its pictures.

    ``batch_size`` is the number of pictures of a step, over all processes and the ``accumulate`` parts that a process
    takes it in. ``steps`` None are ``epochs`` times the pictures. ``select`` last keeps the last weights, held_out
    those of the lowest loss on pictures held out; neither knows a label. ``grid`` is (rows, columns) of tiles, ``crop``
    (H, W) in pixels, ``filters`` are names of downsampling filters; the rest is as in :class:`CropOptions` and
    :class:`throng.training.LoopOptions`.
    """

    encoder: str = "small"
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    head: HeadName = "sum"
    units: int = 64
    crop: tuple[int, int] = (128, 128)
    grid: Grid = (2, 2)
    pairing: Pairing = "symmetric"
    margin: float = MARGIN
    filters: tuple[str, ...] = PAPER_FILTERS
    grey: float = 2 / 3
    mirror: bool = True
    mosaic: float = 0.0
    batch_size: int = 32
    accumulate: int = 1
    steps: int | None = None
    epochs: int = 250
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] | Schedule = "cosine"
    warmup_steps: int = 0
    clip_norm: float = 0.0
    ema_decay: float = 0.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    select: Literal["last", "held_out"] = "last"
    val_every: int = 0
    log_every: int = 20
    seed: int = 0

    @property
    def tile(self) -> tuple[int, int]:
        """Return the size (h, w) of a tile, and of a downsampled picture, in pixels."""
        return self.crop[0] // self.grid[0], self.crop[1] // self.grid[1]

    def steps_of(self, pictures: int) -> int:
        """Return the steps of a run over so many pictures: ``steps``, or those of ``epochs``."""
        return self.steps if self.steps is not None else self.epochs * math.ceil(pictures / self.batch_size)

    def pairs_each(self, processes: int) -> int:
        """Return the pairs that one process takes at once; raises ThrongError when they do not come out even."""
        shares = 2 * processes * self.accumulate
        if self.batch_size % shares:
            raise ThrongError(
                f"batch_size {self.batch_size} cannot be shared: two pictures a pair, {processes} processes and "
                f"accumulate {self.accumulate} need a multiple of {shares}"
            )
        return self.batch_size // shares

    def crops(self) -> CropOptions:
        """Return how crops of the training pictures are made."""
        return CropOptions(
            self.crop, len(self.filters), self.grid, self.grey, self.mirror, mosaic=self.mosaic, seed=self.seed
        )

    def loop(self, pictures: int) -> LoopOptions:
        """Return the options of the training loop for so many pictures."""
        shared = {name: getattr(self, name) for name in LoopOptions.__dataclass_fields__ if name != "steps"}
        return LoopOptions(steps=self.steps_of(pictures), **shared)
