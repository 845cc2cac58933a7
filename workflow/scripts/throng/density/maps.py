"""Density maps from head points: exact mass at every border and stride, in NumPy and in PyTorch.

Every head is a Gaussian (Zhang et al., CVPR 2016, eq. 2-3) that is integrated over the cells of the map instead of
being sampled at their centres: cell j of an axis receives Phi((e[j+1] - x) / sigma) - Phi((e[j] - x) / sigma), where e
are the cell edges, the argument is cut at 4 standard deviations, and the result is divided by what falls inside the
image. The differences telescope, so one head adds exactly 1 at every border, stride and sub-pixel position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numba import njit

from throng.errors import ThrongError

if TYPE_CHECKING:
    import torch

CUT = 4.0
BETA = 0.3
NEIGHBOURS = 3
SMALLEST_SIGMA = 1.0
LONE_SIGMA = 15.0
ROOT_HALF = math.sqrt(0.5)

Sigma = float | Literal["adaptive"]


def density_map(
    points: np.ndarray, shape: tuple[int, int], *, sigma: Sigma | np.ndarray = 4.0, stride: int = 1
) -> np.ndarray:
    """Return the density map of head points, (ceil(H / stride), ceil(W / stride)) float32, in people per cell.

    ``points`` is (N, 2) x, y in pixels, ``shape`` is (H, W) in pixels; ``sigma`` is in pixels: one number, one per head
    (N,), or "adaptive" for :func:`adaptive_sigmas`. The sum is N at every border and stride; a head outside the image
    counts at the nearest edge. Raises ThrongError on points or sigmas that are not finite or have the wrong shape.
    """
    heads = _checked(points)
    _check_grid(shape, stride)
    if isinstance(sigma, str):
        sigma = adaptive_sigmas(heads)
    sigmas = np.broadcast_to(np.asarray(sigma, np.float64), (len(heads),))
    if not (np.isfinite(sigmas).all() and (sigmas > 0).all()):
        raise ThrongError("a density map's sigma must be a positive number of pixels")
    cells = -(-shape[0] // stride), -(-shape[1] // stride)
    edges_max = np.array([shape[1], shape[0]], np.float64) - 0.5
    return _stamp(np.clip(heads, -0.5, edges_max), np.ascontiguousarray(sigmas), cells[0], cells[1], stride)


def adaptive_sigmas(
    points: np.ndarray, *, beta: float = BETA, neighbours: int = NEIGHBOURS, smallest: float = SMALLEST_SIGMA
) -> np.ndarray:
    """Return one sigma per head in pixels, (N,) float64: ``beta`` times the mean distance to its nearest heads.

    With fewer other heads than ``neighbours`` the mean is over those there are; a lone head gets 15 pixels; no sigma is
    below ``smallest`` pixels, so coincident heads stay finite. Source: MCNN (Zhang et al., CVPR 2016), section 2.3.
    """
    heads = _checked(points)
    if len(heads) < 2:
        return np.full(len(heads), LONE_SIGMA)
    k = min(neighbours, len(heads) - 1)
    return np.maximum(beta * _mean_nearest(heads, k), smallest)


def density_maps(
    points: Sequence[torch.Tensor],
    shape: tuple[int, int],
    *,
    sigma: Sigma | Sequence[torch.Tensor] = 4.0,
    stride: int = 1,
) -> torch.Tensor:
    """Return the density maps of a batch, (B, 1, ceil(H / stride), ceil(W / stride)) float32 on the points' device.

    The same maps as :func:`density_map`, as one batched product of per-head rows and columns; differentiable in
    ``points``, B tensors (N_i, 2) of x, y in pixels, and in ``sigma`` where it is given as B tensors (N_i,) in pixels.
    """
    import torch

    _check_grid(shape, stride)
    device = points[0].device
    # A product in float32 may run as TF32 on a GPU, which loses a thousandth of the mass.
    exact = torch.float32 if device.type == "mps" else torch.float64
    if isinstance(sigma, str):
        sigmas = [torch.from_numpy(adaptive_sigmas(p.detach().cpu().numpy())).to(device) for p in points]
    elif isinstance(sigma, int | float):
        sigmas = [torch.full((len(p),), float(sigma), device=device) for p in points]
    else:
        sigmas = list(sigma)
    heads = torch.nn.utils.rnn.pad_sequence([p.reshape(-1, 2).to(exact) for p in points], batch_first=True)
    spread = torch.nn.utils.rnn.pad_sequence([s.to(exact) for s in sigmas], batch_first=True, padding_value=1.0)
    counts = torch.tensor([len(p) for p in points], device=device)
    real = (torch.arange(heads.shape[1], device=device) < counts[:, None]).to(exact)
    with torch.autocast(device.type, enabled=False):
        columns = _axis_mass(heads[..., 0], spread, shape[1], stride)
        rows = _axis_mass(heads[..., 1], spread, shape[0], stride) * real[..., None]
        return torch.bmm(rows.transpose(1, 2), columns).unsqueeze(1).to(torch.float32)


def _axis_mass(centre: torch.Tensor, sigma: torch.Tensor, size: int, stride: int) -> torch.Tensor:
    """Return each head's mass per cell of one axis, (B, N, ceil(size / stride)), summing to 1 over the cells."""
    import torch

    cells = -(-size // stride)
    edges = torch.arange(cells + 1, device=centre.device, dtype=centre.dtype) * stride - 0.5
    offset = (edges - centre.clamp(-0.5, size - 0.5)[..., None]) / sigma[..., None]
    half_phi = torch.erf(offset.clamp(-CUT, CUT) * ROOT_HALF)
    return half_phi.diff(dim=-1) / (half_phi[..., -1:] - half_phi[..., :1])


def _checked(points: np.ndarray) -> np.ndarray:
    heads = np.ascontiguousarray(points, np.float64)
    if heads.size == 0:
        return np.zeros((0, 2))
    if heads.ndim != 2 or heads.shape[1] != 2:
        raise ThrongError(f"head points must be an (N, 2) array of x, y; got shape {heads.shape}")
    if not np.isfinite(heads).all():
        row = int(np.flatnonzero(~np.isfinite(heads).all(1))[0])
        raise ThrongError(f"head point {row} is not finite: {heads[row].tolist()}; remove or repair it")
    return heads


def _check_grid(shape: tuple[int, int], stride: int) -> None:
    if min(shape) < 1 or stride < 1:
        raise ThrongError(f"a density map needs a positive size and stride; got shape {shape} and stride {stride}")


@njit(cache=True)
def _stamp(heads: np.ndarray, sigmas: np.ndarray, rows: int, columns: int, stride: int) -> np.ndarray:
    density = np.zeros((rows, columns), np.float32)
    across = np.empty(columns)
    down = np.empty(rows)
    for i in range(len(heads)):
        left, right = _window(heads[i, 0], sigmas[i], columns, stride, across)
        top, bottom = _window(heads[i, 1], sigmas[i], rows, stride, down)
        for row in range(top, bottom):
            weight = down[row]
            line = density[row]
            for column in range(left, right):
                line[column] += np.float32(weight * across[column])
    return density


@njit(cache=True)
def _window(centre: float, sigma: float, cells: int, stride: int, mass: np.ndarray) -> tuple[int, int]:
    """Fill ``mass`` with a head's share per cell and return the half-open range of cells it touches."""
    first = max(0, math.floor((centre - CUT * sigma + 0.5) / stride))
    last = min(cells, math.floor((centre + CUT * sigma + 0.5) / stride) + 1)
    scale = ROOT_HALF / sigma
    limit = CUT * ROOT_HALF
    start = math.erf(min(max((first * stride - 0.5 - centre) * scale, -limit), limit))
    before = start
    for cell in range(first, last):
        after = math.erf(min(max(((cell + 1) * stride - 0.5 - centre) * scale, -limit), limit))
        mass[cell] = after - before
        before = after
    share = 1.0 / (before - start)
    for cell in range(first, last):
        mass[cell] *= share
    return first, last


@njit(cache=True)
def _mean_nearest(heads: np.ndarray, k: int) -> np.ndarray:
    """Return each head's exact mean distance to its k nearest others, by rings of a uniform grid."""
    n = len(heads)
    low_x, low_y = heads[:, 0].min(), heads[:, 1].min()
    extent_x, extent_y = heads[:, 0].max() - low_x, heads[:, 1].max() - low_y
    cell = max(math.sqrt(extent_x * extent_y * 2.0 / n), max(extent_x, extent_y) * 2.0 / n, 1e-6)
    across, down = int(extent_x / cell) + 1, int(extent_y / cell) + 1
    column = ((heads[:, 0] - low_x) / cell).astype(np.int64)
    row = ((heads[:, 1] - low_y) / cell).astype(np.int64)
    start = np.zeros(across * down + 1, np.int64)
    for i in range(n):
        start[row[i] * across + column[i] + 1] += 1
    start = np.cumsum(start)
    members, filled = np.empty(n, np.int64), start[:-1].copy()
    for i in range(n):
        bucket = row[i] * across + column[i]
        members[filled[bucket]] = i
        filled[bucket] += 1
    mean, best = np.empty(n), np.empty(k)
    for i in range(n):
        best[:] = np.inf
        ring = 0
        # A head outside ring r is at least r cells away, so the search ends once the k-th best is nearer.
        while ring <= max(across, down) and (ring == 0 or best[k - 1] > ((ring - 1) * cell) ** 2):
            for r in range(max(0, row[i] - ring), min(down, row[i] + ring + 1)):
                whole = abs(r - row[i]) == ring
                step = 1 if whole or ring == 0 else 2 * ring
                for c in range(column[i] - ring, column[i] + ring + 1, step):
                    if 0 <= c < across:
                        bucket = r * across + c
                        _nearer(heads, i, members[start[bucket] : start[bucket + 1]], best)
            ring += 1
        mean[i] = np.sqrt(best).mean()
    return mean


@njit(cache=True)
def _nearer(heads: np.ndarray, i: int, others: np.ndarray, best: np.ndarray) -> None:
    """Insert squared distances from head i to ``others`` into the ascending list ``best``."""
    for j in others:
        if j == i:
            continue
        square = (heads[i, 0] - heads[j, 0]) ** 2 + (heads[i, 1] - heads[j, 1]) ** 2
        place = len(best) - 1
        if square >= best[place]:
            continue
        while place > 0 and best[place - 1] > square:
            best[place] = best[place - 1]
            place -= 1
        best[place] = square
