"""The box grids of sg3-crowd-density: how many boxes lie on top of one another where they touch, its faults included.

A grid of square cells begins in the top-left corner of the image; its number of columns and rows is truncated, so that
a strip at the right and at the bottom has no cells. A box from x0 to x1 is counted in the columns of x0 / cell to
x1 / cell, both truncated towards zero and included, and in the rows alike. A box that ends two cells or more before the
frame is counted where it is not: the end of its slice is negative, which means one counted from the grid's far side.
"""

import math

import numpy as np
from scipy import ndimage

from throng.density.crowd import Measure

_CELLS_ACROSS = 25  # at most, in either direction
_STATURE_CM = 168.5
_STATURE_M = 1.685
_FINEST = 1e-12  # pixels; a finer cell has no number in float64


def grid(boxes: np.ndarray, width: int, height: int) -> Measure:
    """Measure boxes (N, 4) x, y, w, h on cells of max(W / 25, H / 25, 168.5 sqrt(mean box area / (W H))) pixels.

    The score is that of :func:`densest`. A negative mean area, which has no root, is left out of the maximum. There is
    a reason and no score where not one cell fits into the image or no box lies on the grid.
    """
    share = max(float((boxes[:, 2] * boxes[:, 3]).mean()) / (width * height), 0.0)
    cell = max(width / _CELLS_ACROSS, height / _CELLS_ACROSS, _STATURE_CM * math.sqrt(share))
    return _measured(boxes, cell, width, height)


def grid_metres(boxes: np.ndarray, width: int, height: int) -> Measure:
    """Measure boxes (N, 4) x, y, w, h on cells of a metre: 1 / 1.685 of the mean box height, one scale for the image.

    The score is that of :func:`densest`. There is none, but a reason, where the mean height is not positive or not one
    cell fits into the image, as in a close-up, or no box lies on the grid.
    """
    metre = float(boxes[:, 3].mean()) / _STATURE_M
    if metre < _FINEST:
        return Measure(None, reason=f"no height: the boxes are {metre * _STATURE_M:g} pixels high on average")
    return _measured(boxes, metre, width, height)


def _measured(boxes: np.ndarray, cell: float, width: int, height: int) -> Measure:
    columns, rows = int(width / cell), int(height / cell)
    if columns == 0 or rows == 0:
        return Measure(None, reason=f"empty grid: a cell of {cell:.1f} pixels does not fit into {width} x {height}")
    score = densest(boxes, cell, columns, rows)
    return Measure(score) if score is not None else Measure(None, reason="empty grid: no box lies on it")


def densest(boxes: np.ndarray, cell: float, columns: int, rows: int) -> float | None:
    """Return the largest mean number of boxes per cell among the 4-connected components of cells with boxes.

    ``boxes`` (N, 4) x, y, w, h and ``cell`` in pixels; None when no cell has a box. Cells between two neighbouring
    ends of boxes have the same boxes and are counted as one block, so that the cost is the same for any cell.
    """
    left, right = _cells(boxes[:, 0], boxes[:, 2], cell, columns)
    top, bottom = _cells(boxes[:, 1], boxes[:, 3], cell, rows)
    on = (left < right) & (top < bottom)
    if not on.any():
        return None
    x, left, right = _blocks(left[on], right[on])
    y, top, bottom = _blocks(top[on], bottom[on])
    steps = np.zeros((len(y), len(x)))
    for row, column, step in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
        np.add.at(steps, (row, column), step)
    boxes_there = steps.cumsum(0).cumsum(1)[:-1, :-1]
    cells_there = np.outer(np.diff(y), np.diff(x))
    label = ndimage.label(boxes_there > 0)[0].ravel()  # pyright: ignore[reportIndexIssue]
    boxes_of = np.bincount(label, (boxes_there * cells_there).ravel())[1:]
    return float((boxes_of / np.bincount(label, cells_there.ravel())[1:]).max())


def _cells(start: np.ndarray, extent: np.ndarray, cell: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first cell of each box and the one behind its last, equal or crossed where it has none."""
    first, last = np.trunc(start / cell), np.trunc((start + extent) / cell)
    behind = np.minimum(last, cells - 1) + 1
    return np.maximum(first, 0), np.where(behind < 0, np.maximum(cells + behind, 0), behind)


def _blocks(first: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sorted ends of blocks of equal cells, and the ends given as indices into them."""
    ends, index = np.unique(np.concatenate([first, behind]), return_inverse=True)
    return ends, index[: len(first)], index[len(first) :]
