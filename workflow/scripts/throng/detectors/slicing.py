"""Overlapping tiles of a photograph, and one answer from the boxes found in each.

A person in the strip that two tiles share is found in both, and one who crosses a seam is cut off in one of them. The
first is settled by suppression. The second needs more: a piece covers too little of the whole person to be suppressed,
but it touches an inner edge of its tile and lies in the box of the whole person that the neighbouring tile, or the
look at the whole photograph, found (intersection over the smaller area, as in Akyon et al., "Slicing Aided Hyper
Inference", ICIP 2022).
"""

import itertools
from typing import NamedTuple

import numpy as np

from throng.detectors.suppression import suppress

NEAR_EDGE = 0.01  # share of a tile's side: a network's boxes end that near the edge that cuts a person


class Window(NamedTuple):
    """A part of a photograph, in pixels: left, top, width and height."""

    left: int
    top: int
    width: int
    height: int


def tiles(height: int, width: int, side: int, overlap: float) -> list[Window]:
    """Return square windows of ``side`` pixels that cover an image, cut where the image is smaller.

    Neighbours share at least the fraction ``overlap`` of their side; they lie evenly, row by row.
    """
    high, wide = min(side, height), min(side, width)
    return [
        Window(left, top, wide, high)
        for top, left in itertools.product(_starts(height, high, overlap), _starts(width, wide, overlap))
    ]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    steps = int(np.ceil((length - side) / max(1.0, side * (1 - overlap))))
    return [round(step * (length - side) / steps) for step in range(steps + 1)] if steps else [0]


def cut_off(boxes: np.ndarray, window: Window, height: int, width: int) -> np.ndarray:
    """Return which of (N, 4) boxes x1, y1, x2, y2 in the photograph's pixels end at an inner edge of their window."""
    near_x, near_y = NEAR_EDGE * window.width, NEAR_EDGE * window.height
    right, bottom = window.left + window.width, window.top + window.height
    return (
        ((boxes[:, 0] <= window.left + near_x) & (window.left > 0))
        | ((boxes[:, 1] <= window.top + near_y) & (window.top > 0))
        | ((boxes[:, 2] >= right - near_x) & (right < width))
        | ((boxes[:, 3] >= bottom - near_y) & (bottom < height))
    )


def merge(boxes: np.ndarray, scores: np.ndarray, cut: np.ndarray, *, iou: float, contained: float) -> np.ndarray:
    """Return the (K,) indices of the boxes that stand for one person each, by falling score.

    ``boxes`` is (N, 4) x1, y1, x2, y2 in pixels, ``scores`` (N,) in 0..1, ``cut`` (N,) bool from :func:`cut_off`.
    A whole box goes before any piece in the suppression at ``iou``; a piece goes when at least the share ``contained``
    of its area lies in a larger box that stayed.
    """
    kept = suppress(boxes, scores + ~cut, iou)
    pieces = kept[cut[kept]]
    inside = _shared(boxes[pieces], boxes[kept]) >= contained * _area(boxes[pieces])[:, None]
    larger = _area(boxes[kept])[None] > _area(boxes[pieces])[:, None]
    kept = np.setdiff1d(kept, pieces[(inside & larger).any(1)])
    return kept[np.argsort(-scores[kept], kind="stable")]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _shared(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the (N, M) areas that each of some boxes shares with each of the others."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    return (high - low).clip(min=0).prod(axis=2)
