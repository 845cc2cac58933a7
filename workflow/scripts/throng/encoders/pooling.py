"""From features of a picture to one vector."""

from __future__ import annotations

import torch


def mean_features(features: torch.Tensor) -> torch.Tensor:
    """Return (B, C), the means over the cells of (B, C, H, W) features: how dense, whatever the picture's size."""
    return features.mean((-2, -1))


def sum_features(features: torch.Tensor, reference_cells: float = 1.0) -> torch.Tensor:
    """Return (B, C), the sums over the cells of (B, C, H, W) features in units of ``reference_cells``.

    What pictures hold adds up: the sum of two halves is that of the whole. With the cells of a usual picture as
    reference, sums are of the size of :func:`mean_features`.
    """
    return features.sum((-2, -1)) / reference_cells
