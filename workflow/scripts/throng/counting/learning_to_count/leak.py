"""Whether a network tells downsampling filters apart: the shortcut by which counts could agree without counting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from throng.counting.learning_to_count.forward import Phi
from throng.counting.learning_to_count.operators import PAPER_FILTERS, Grid, downsampled, tiles


@torch.no_grad()
def filter_errors(
    network: Phi,
    pictures: torch.Tensor,
    names: Sequence[str] = PAPER_FILTERS,
    *,
    grid: Grid = (2, 2),
    batch_size: int = 64,
) -> dict[str, float]:
    """Return e_j by filter j: the mean squared error of the counts of pictures downsampled by j, as a share.

    The error is ||D_j x - sum of tiles||^2, in shares of the mean ||sum of tiles||^2, which does not depend on j;
    0 is a perfect sum, 1 that of a network which sees nothing in D_j x. ``pictures`` are (N, 3, H, W) uint8 of one
    device with ``network``, which maps (B, 3, h, w) uint8 to (B, k) and is in evaluation mode; an error is not finite
    when it counts nothing. Noroozi et al. (2017), table 5, where row i is a network trained with filter i alone.
    """
    errors = torch.zeros(len(names), dtype=torch.float64)
    power = 0.0
    for start in range(0, len(pictures), batch_size):
        part = pictures[start : start + batch_size]
        cut = tiles(part, grid)
        every = torch.cat([downsampled(part, torch.full((len(part),), j), names, grid) for j in range(len(names))])
        down, each = (
            network(torch.cat([every, cut.flatten(0, 1)])).double().split([len(every), len(part) * cut.shape[1]])
        )
        whole = each.unflatten(0, (len(part), -1)).sum(1)
        errors += (down.unflatten(0, (len(names), -1)) - whole).square().sum((1, 2)).cpu()
        power += float(whole.square().sum())
    return dict(zip(names, (errors / power).tolist(), strict=True))


def leak_matrix(
    networks: Sequence[Phi], pictures: torch.Tensor, names: Sequence[str] = PAPER_FILTERS, *, grid: Grid = (2, 2)
) -> np.ndarray:
    """Return the (networks, filters) float64 matrix e_ij: row i is :func:`filter_errors` of network i.

    With network i trained by filter i alone the matrix is square and its diagonal is what each was trained for. A
    network trained by all filters is one row.
    """
    rows = [filter_errors(network, pictures, names, grid=grid) for network in networks]
    return np.array([[row[name] for name in names] for row in rows])


def leak_ratio(errors: np.ndarray) -> float:
    """Return the largest error off the diagonal over the mean on it; 1 is a network to which filters are all alike.

    A single row, (1, n) or (n,), of a network trained by all filters stands for n equal rows: its largest over its
    mean.
    """
    square = np.atleast_2d(errors)
    if len(square) == 1:
        square = np.repeat(square, square.shape[1], 0)
    off = ~np.eye(len(square), dtype=bool)
    return float(square[off].max() / np.diagonal(square).mean())
