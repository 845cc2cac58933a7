"""The passes of a filtered leaky ReLU as products with banded matrices: PyTorch alone, on any device, in any type.

A plane of some hundred pixels is filtered along rows and columns by two matrix products, which a GPU's matrix units do
at the speed of reading and writing it; a radial filter is one product more per separable term (``taps``).
"""

from __future__ import annotations

from functools import lru_cache

import torch

from throng.gan.filtered_lrelu.passes import Pass
from throng.gan.filtered_lrelu.taps import Rows

FINE_SAMPLES = 2**26  # of the fine grid that exist at a time


def risen(one: Pass, source: torch.Tensor) -> torch.Tensor:
    """Return the fine grid (N, H, W) that a pass makes of its source (N, h, w)."""
    along, across = _matrices(one, source.dtype, source.device)
    # Columns of the first product are (term, column), which read as rows (row, term) are what the second one sums.
    return along @ (source @ across).reshape(len(source), -1, one.fine[1])


def fallen(one: Pass, fine: torch.Tensor) -> torch.Tensor:
    """Return the result (N, H', W') that a pass makes of its fine grid (N, H, W)."""
    along, across = _matrices(one.adjoint(), fine.dtype, fine.device)
    return (along.T @ fine).reshape(len(fine), one.result[0], -1) @ across.T


def shares(planes: int, one: Pass) -> list[slice]:
    """Return the planes in shares whose fine grids may exist at a time."""
    step = max(1, FINE_SAMPLES // (one.fine[0] * one.fine[1]))
    return [slice(first, first + step) for first in range(0, planes, step)]


@lru_cache(maxsize=256)
def _matrices(one: Pass, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how a pass rises: along columns (H, h terms) and along rows (w, terms W)."""
    along = bands(one.rise.along, one.rise_step, one.rise_before[0], one.source[0], one.fine[0])
    across = bands(one.rise.across, one.rise_step, one.rise_before[1], one.source[1], one.fine[1])
    return (
        along.permute(1, 2, 0).flatten(1).to(device, dtype),
        across.permute(2, 0, 1).flatten(1).to(device, dtype),
    )


def bands(terms: Rows, step: int, before: int, source: int, fine: int) -> torch.Tensor:
    """Return the banded matrix (terms, fine, source) float64 of each term along one axis."""
    rows = torch.tensor(terms, dtype=torch.float64)
    taps = rows.shape[1]
    tap = torch.arange(fine)[:, None] + taps - 1 - before - torch.arange(source)[None, :] * step
    inside = (tap >= 0) & (tap < taps)
    return rows[:, tap.clamp(0, taps - 1)] * inside
