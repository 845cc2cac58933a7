"""The running average of a generator's weights that images are drawn from.

Karras et al. (2018, "Progressive Growing of GANs"), section 5; half-life and ramp: Karras et al. (2020, ADA), appendix
C.
"""

from __future__ import annotations

import torch
from torch import nn


def default_half_life(batch_size: int) -> float:
    """Return the half-life of the average in images: 10 000 at a batch of 32, in proportion to the batch."""
    return batch_size * 10_000 / 32


def average_beta(batch_size: int, images_seen: int, half_life: float, ramp: float | None = 0.05) -> float:
    """Return the factor that the average keeps of itself in a step of ``batch_size`` images.

    ``half_life`` is in images; ``images_seen`` are those before this step; with ``ramp`` the half-life is at most that
    share of them, so that the first, poor weights are soon forgotten. None: no ramp, for a run that goes on from a
    finished one. A half-life of 0 gives 0: the average is the network itself.
    """
    if ramp is not None:
        half_life = min(half_life, images_seen * ramp)
    return 0.5 ** (batch_size / half_life) if half_life > 0 else 0.0


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, beta: float) -> None:
    """Move the weights of ``average`` towards those of ``network``: beta * own + (1 - beta) * its; buffers are copied.

    Both are of one architecture. In place.
    """
    for own, new in zip(average.parameters(), network.parameters(), strict=True):
        own.copy_(new.lerp(own, beta))
    for own, new in zip(average.buffers(), network.buffers(), strict=True):
        own.copy_(new)
