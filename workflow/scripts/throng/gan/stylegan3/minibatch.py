"""How much the images of a group differ, as one more channel: Karras et al., ICLR 2018, section 3."""

from __future__ import annotations

import torch
from torch import Tensor


def with_deviation(x: Tensor, group: int) -> Tensor:
    """Return (B, C, H, W) with a channel more: the mean, over features, of the standard deviation within a group.

    Groups have the largest size up to ``group`` that divides the batch, and hold every so-many-th image.
    """
    batch, channels, height, width = x.shape
    size = max(n for n in range(1, min(group, batch) + 1) if batch % n == 0)
    groups = x.reshape(size, batch // size, channels, height, width)
    variance = (groups - groups.mean(0)).square().mean(0)
    deviation = (variance + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, deviation.repeat(size)[:, None, None, None].expand(-1, 1, height, width)], dim=1)
