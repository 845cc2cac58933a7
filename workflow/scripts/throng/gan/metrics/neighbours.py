"""Nearest neighbours among features, a block at a time, and what they say: precision and recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, share_interval

ROWS = 1024
ROUNDING = 1e-13


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares of generated images that look real, and of real images that are generated, with intervals over images."""

    precision: float
    recall: float
    precision_interval: list[float]
    recall_interval: list[float]


def nearest(
    queries: np.ndarray, references: np.ndarray, k: int = 1, *, within: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return Euclidean distances (N, k), float64, and indices (N, k) of the nearest of ``references``, nearest first.

    With ``within`` both are the same rows, and no row is a neighbour of its own. Memory is a block of
    1024 x 1024 rows and the answer. Raises ThrongError for fewer than ``k`` references.
    """
    available = len(references) - within
    if k < 1 or available < k:
        raise ThrongError(f"{k} nearest neighbours need as many other images, and there are {max(available, 0)}")
    shift = references.mean(0, dtype=np.float64)
    found = [
        _nearest_block(queries[start : start + ROWS], references, shift, k, start if within else None)
        for start in range(0, len(queries), ROWS)
    ]
    if not found:
        return np.empty((0, k)), np.empty((0, k), np.int64)
    return np.concatenate([block[0] for block in found]), np.concatenate([block[1] for block in found])


def precision_recall(real: np.ndarray, fake: np.ndarray, *, k: int = 3, level: float = LEVEL) -> PrecisionRecall:
    """Return precision and recall of (N1, D) real and (N2, D) generated features.

    A set covers what is no further from one of its images than that image's own ``k``-th neighbour in the set. The
    intervals (Clopper-Pearson) hold for the covered images, with what covers them as it is. Raises ThrongError for
    k images or fewer in either set.
    Source: Kynkaanniemi et al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019,
    eq. 1 and 2.
    """
    if real.shape[1] != fake.shape[1]:
        raise ThrongError(f"features of {real.shape[1]} and of {fake.shape[1]} numbers have no distance")
    precision = float(covered(fake, real, radii(real, k)).mean())
    recall = float(covered(real, fake, radii(fake, k)).mean())
    return PrecisionRecall(
        precision, recall, share_interval(precision, len(fake), level), share_interval(recall, len(real), level)
    )


def radii(features: np.ndarray, k: int) -> np.ndarray:
    """Return the distance (N,) of every row to its ``k``-th neighbour among the others."""
    return nearest(features, features, k, within=True)[0][:, -1]


def covered(points: np.ndarray, centres: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return which of the points (N,) bool lie within ``reach`` (M,) of one of the centres (M, D)."""
    shift = centres.mean(0, dtype=np.float64)
    inside = np.zeros(len(points), bool)
    for start in range(0, len(points), ROWS):
        for first in range(0, len(centres), ROWS):
            part = slice(first, first + ROWS)
            squares = _squares(points[start : start + ROWS], centres[part], shift)
            inside[start : start + ROWS] |= (squares <= reach[part] ** 2).any(1)
    return inside


def _nearest_block(
    queries: np.ndarray, references: np.ndarray, shift: np.ndarray, k: int, first_own: int | None
) -> tuple[np.ndarray, np.ndarray]:
    best = np.full((len(queries), 0), np.inf)
    where = np.empty((len(queries), 0), np.int64)
    for start in range(0, len(references), ROWS):
        squares = _squares(queries, references[start : start + ROWS], shift)
        if first_own is not None:
            own = np.arange(len(queries)) + first_own - start
            rows = np.flatnonzero((own >= 0) & (own < squares.shape[1]))
            squares[rows, own[rows]] = np.inf
        indices = np.broadcast_to(np.arange(start, start + squares.shape[1]), squares.shape)
        best, where = np.concatenate([best, squares], 1), np.concatenate([where, indices], 1)
        kept = np.argpartition(best, min(k, best.shape[1]) - 1, 1)[:, :k]
        best, where = np.take_along_axis(best, kept, 1), np.take_along_axis(where, kept, 1)
    # Products round: the distance of a copy is to be 0 exactly
    exact = np.stack([_distances(queries, references[where[:, column]]) for column in range(k)], 1)
    order = np.lexsort((where, exact), 1)
    return np.take_along_axis(exact, order, 1), np.take_along_axis(where, order, 1)


def _squares(one: np.ndarray, other: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return squared distances (N, M); those of copies, where sums leave nothing but rounding, are 0."""
    one, other = one - shift, other - shift
    sums = (one**2).sum(1)[:, None] + (other**2).sum(1)
    squares = sums - 2 * one @ other.T
    return np.where(squares > ROUNDING * sums, squares, 0)


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.sqrt(((np.asarray(one, np.float64) - other) ** 2).sum(1))
