"""Adaptive sigmas: each head's exact mean distance to its nearest others, by a search of a uniform grid."""

from __future__ import annotations

import math

import numpy as np

from throng.compiled import compiled
from throng.density.head_points import checked_heads
from throng.errors import ThrongError

BETA = 0.3
NEIGHBOURS = 3
SMALLEST_SIGMA = 1.0
LONE_SIGMA = 15.0
MOST = 3
# Heads per cell on average: with fewer the searches widen, with more they compare in vain.
CELL_HEADS = 2.0


def adaptive_sigmas(
    points: np.ndarray, *, beta: float = BETA, neighbours: int = NEIGHBOURS, smallest: float = SMALLEST_SIGMA
) -> np.ndarray:
    """Return one sigma per head in pixels, (N,) float64: ``beta`` times the mean distance to its nearest heads.

    ``neighbours`` is 1, 2 or 3. With fewer other heads the mean is over those there are; a lone head gets 15 pixels; no
    sigma is below ``smallest`` pixels, so coincident heads stay finite. Raises ThrongError on bad points and on another
    number of neighbours. Source: MCNN (Zhang et al., CVPR 2016), section 2.3.
    """
    heads = checked_heads(points)
    if neighbours not in range(1, MOST + 1):
        raise ThrongError(f"adaptive sigmas are taken from 1 to {MOST} neighbours; got {neighbours}")
    if len(heads) < 2:
        return np.full(len(heads), LONE_SIGMA)
    return np.maximum(beta * mean_nearest(heads, min(neighbours, len(heads) - 1)), smallest)


@compiled
def mean_nearest(heads: np.ndarray, k: int) -> np.ndarray:
    """Return each head's exact mean distance in pixels to its ``k`` nearest others, (N,) float64.

    ``heads`` is (N, 2) float64 x, y, and ``k`` is 1 to 3 and below N. The heads are sorted into a uniform grid; a
    search widens ring by ring around its own cell, and ends once the k-th best is nearer than anything beyond.
    """
    n = len(heads)
    low_x, low_y = heads[:, 0].min(), heads[:, 1].min()
    extent_x, extent_y = heads[:, 0].max() - low_x, heads[:, 1].max() - low_y
    cell = max(math.sqrt(extent_x * extent_y * CELL_HEADS / n), max(extent_x, extent_y) * CELL_HEADS / n, 1e-6)
    across, down = int(extent_x / cell) + 1, int(extent_y / cell) + 1
    start, xs, ys, place = _by_cell(heads, low_x, low_y, cell, across, down)
    mean, best = np.empty(n), np.empty(MOST + 1)
    for row in range(down):
        for column in range(across):
            for i in range(start[row * across + column], start[row * across + column + 1]):
                best[:] = np.inf
                ring, margin = 0, -1.0
                while margin < 0 or best[k] > margin * margin:
                    ring += 1
                    _search(xs, ys, i, start, across, down, row, column, ring, best)
                    margin = _margin(xs[i] - low_x, column, ring, cell, across)
                    margin = min(margin, _margin(ys[i] - low_y, row, ring, cell, down))
                total = 0.0
                for rank in range(1, k + 1):
                    total += math.sqrt(best[rank])
                mean[place[i]] = total / k
    return mean


@compiled
def _by_cell(
    heads: np.ndarray, low_x: float, low_y: float, cell: float, across: int, down: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return where each cell starts, and the heads' x, y and original row, cell by cell."""
    n = len(heads)
    start, cells = np.zeros(across * down + 1, np.int64), np.empty(n, np.int64)
    for i in range(n):
        cells[i] = int((heads[i, 1] - low_y) / cell) * across + int((heads[i, 0] - low_x) / cell)
        start[cells[i] + 1] += 1
    for c in range(across * down):
        start[c + 1] += start[c]
    xs, ys, place, filled = np.empty(n), np.empty(n), np.empty(n, np.int64), start[:-1].copy()
    for i in range(n):
        at = filled[cells[i]]
        filled[cells[i]] += 1
        xs[at], ys[at], place[at] = heads[i, 0], heads[i, 1], i
    return start, xs, ys, place


@compiled
def _search(
    xs: np.ndarray,
    ys: np.ndarray,
    i: int,
    start: np.ndarray,
    across: int,
    down: int,
    row: int,
    column: int,
    ring: int,
    best: np.ndarray,
) -> None:
    """Look through the cells at distance ``ring`` from head i's own; ring 1 includes that cell itself."""
    left, right = max(0, column - ring), min(across, column + ring + 1)
    for r in range(max(0, row - ring), min(down, row + ring + 1)):
        line = r * across
        if ring == 1 or abs(r - row) == ring:
            _nearer(xs, ys, i, start[line + left], start[line + right], best)
            continue
        if column - ring >= 0:
            _nearer(xs, ys, i, start[line + left], start[line + left + 1], best)
        if column + ring < across:
            _nearer(xs, ys, i, start[line + right - 1], start[line + right], best)


@compiled
def _margin(position: float, index: int, ring: int, cell: float, cells: int) -> float:
    """Return how far along an axis the nearest cell lies that was not looked through, infinity where there is none."""
    margin = np.inf
    if index - ring > 0:
        margin = position - (index - ring) * cell
    if index + ring + 1 < cells:
        margin = min(margin, (index + ring + 1) * cell - position)
    # a head may lie a rounding error on the wrong side of its cell's edge
    return max(margin * (1 - 1e-9), 0.0)


@compiled
def _nearer(xs: np.ndarray, ys: np.ndarray, i: int, first: int, last: int, best: np.ndarray) -> None:
    """Keep in ``best`` the four smallest squared distances, rising, of head i to heads first..last-1, itself included.

    Selections in place of branches: which of two distances is smaller is a coin's toss that no processor foresees.
    """
    x, y = xs[i], ys[i]
    a, b, c, d = best[0], best[1], best[2], best[3]
    for j in range(first, last):
        far = (x - xs[j]) * (x - xs[j]) + (y - ys[j]) * (y - ys[j])
        less = far < a
        a, far = (far if less else a), (a if less else far)
        less = far < b
        b, far = (far if less else b), (b if less else far)
        less = far < c
        c, far = (far if less else c), (c if less else far)
        d = far if far < d else d
    best[0], best[1], best[2], best[3] = a, b, c, d
