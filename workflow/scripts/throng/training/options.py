"""What the result of a run depends on, and the learning rate of each of its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from throng.errors import ThrongError
from throng.schedules import Schedule


@dataclass(frozen=True)
class LoopOptions:
    """What a run's result depends on; ``precision`` is fp32, bf16 or fp16 (GPU only), ``ema_decay`` 0 is off."""

    steps: int
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine"] | Schedule = "cosine"
    warmup_steps: int = 0
    accumulate: int = 1
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    val_every: int = 0
    log_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "log_every"):
            if getattr(self, name) < 1:
                raise ThrongError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ThrongError(f"ema_decay must be at least 0 and below 1, not {self.ema_decay}")


def rate_at(step: int, options: LoopOptions) -> float:
    """Return the learning rate of a step (1..steps): linear warm-up, then the schedule; the cosine ends at zero."""
    if step <= options.warmup_steps:
        return options.learning_rate * step / options.warmup_steps
    if options.schedule == "constant":
        return options.learning_rate
    done, steps = step - 1 - options.warmup_steps, options.steps - options.warmup_steps
    if not isinstance(options.schedule, str):
        return options.schedule.rate(options.learning_rate, done, steps)
    share = done / max(1, steps)
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
