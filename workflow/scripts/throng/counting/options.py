"""What a trained counter depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from throng.counting.inference import Scheme
from throng.errors import ThrongError


@dataclass(frozen=True)
class CounterOptions:
    """What a trained counter depends on.

    ``model_options`` are those of the architecture's builder. ``losses`` are weights, or weights with options, by
    name (:func:`throng.counting.losses.build_loss`); ``target_scale`` multiplies both maps in the pixel loss (None:
    the network's own). ``normalisation`` takes mean and deviation of pixels from the architecture or from the
    training pixels. ``start_at_mean`` lets the first map hold the mean training count. ``image_scale`` resizes
    every picture, points along, in training and ever after; ``crop`` (H, W) and ``sigma`` are in pixels after that;
    ``sigma`` is a number or "adaptive" (from the neighbours in the whole photograph). Of the changes to a crop,
    ``mirror`` mirrors half of them; ``scale_jitter`` s resizes by a factor between 1 / (1 + s) and 1 + s, or
    ``scale_range`` (low, high) by one between those, its logarithm uniform;
    ``jitter`` is how far the brightness, and a third as far that of each colour, is multiplied up or down (0.2: by
    0.8 to 1.2); ``gamma`` g raises brightness to a power between 1 / (1 + g) and 1 + g; ``grey`` is the share of
    crops that lose their colour. In the first ``module_steps`` steps per module one module is trained after the
    other, then all. ``val_scheme`` is whole or patches. A run fails when the predicted map stays constant or empty
    for ``collapse_steps`` steps (0: never), of which every ``log_every``-th is looked at. Raises ThrongError when
    those are none.
    """

    model: str = "sanet-paper"
    in_channels: int = 3
    model_options: Mapping[str, Any] = field(default_factory=dict)
    losses: Mapping[str, Any] = field(default_factory=lambda: {"pixel": 1.0, "ssim": 0.001})
    target_scale: float | None = None
    normalisation: Literal["architecture", "dataset"] = "architecture"
    start_at_mean: bool = True
    module_steps: int = 0
    image_scale: float = 1.0
    crop: tuple[int, int] = (384, 512)
    mirror: bool = True
    scale_jitter: float = 0.0
    scale_range: tuple[float, float] | None = None
    jitter: float = 0.0
    gamma: float = 0.0
    grey: float = 0.0
    sigma: float | Literal["adaptive"] = 4.0
    batch_size: int = 4
    steps: int = 1000
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = 50
    accumulate: int = 1
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = False
    val_every: int = 100
    val_scheme: Scheme = "whole"
    log_every: int = 20
    collapse_steps: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        if 0 < self.collapse_steps < self.log_every:
            raise ThrongError(
                f"a collapse cannot be noticed within {self.collapse_steps} steps when only every {self.log_every}th "
                f"is looked at: lower log_every, or set collapse_steps to 0"
            )
