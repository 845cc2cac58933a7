"""Ridge regression from features to a number of people, its penalty chosen on the training pictures alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PENALTIES = np.logspace(-6, 3, 37)


@dataclass(frozen=True)
class Ridge:
    """people = (features - centre) . weights + mean; ``penalty`` is in shares of the largest squared singular value."""

    centre: np.ndarray
    weights: np.ndarray
    mean: float
    penalty: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return people (N,) float64 of features (N, F)."""
        return (features - self.centre) @ self.weights + self.mean


def fit_ridge(features: np.ndarray, counts: np.ndarray, scenes: Sequence[str] | np.ndarray) -> Ridge:
    """Fit counts (N,) by features (N, F) with an intercept, by the penalty of the least error on scenes left out.

    Pictures of a scene resemble each other, so that leaving single ones out would praise what knows scenes by heart.
    The errors are exact, from one decomposition: the inverse of (1 - hat matrix) of a scene times its residuals. The
    penalty is relative, so a network's scale does not matter. Features that are all equal, and a single scene, predict
    the mean. Source: Hastie, Tibshirani and Friedman, "The elements of statistical learning", 2009, eq. 3.47 and 7.64.
    """
    features, counts = np.asarray(features, np.float64), np.asarray(counts, np.float64)
    centre, mean = features.mean(0), float(counts.mean())
    groups = [np.flatnonzero(np.asarray(scenes) == scene) for scene in np.unique(scenes)]
    u, s, vt = np.linalg.svd(features - centre, full_matrices=False)
    top = s[0] ** 2 if len(s) else 0.0
    if len(groups) < 2 or top <= 1e-20 * max(1.0, float(np.square(features).sum())):
        return Ridge(centre, np.zeros(features.shape[1]), mean, np.inf)
    projected = u.T @ (counts - mean)
    penalty = float(min(PENALTIES, key=lambda one: _error_left_out(u, s**2 / (s**2 + one * top), counts, groups)))
    weights = vt.T @ (s / (s**2 + penalty * top) * projected)
    return Ridge(centre, weights, mean, penalty)


def _error_left_out(u: np.ndarray, shrunk: np.ndarray, counts: np.ndarray, groups: Sequence[np.ndarray]) -> float:
    """Return the sum of squared errors of the counts, each group's by the fit to the others at the same penalty."""
    residuals = counts - counts.mean() - u @ (shrunk * (u.T @ (counts - counts.mean())))
    total = 0.0
    for group in groups:
        hat = (u[group] * shrunk) @ u[group].T + 1 / len(counts)
        total += float(np.square(np.linalg.solve(np.eye(len(group)) - hat, residuals[group])).sum())
    return total


def r_squared(predicted: np.ndarray, true: np.ndarray) -> float:
    """Return the share of the counts' variance that is told, 1 - squared errors over those of the mean of ``true``.

    Below 0 the mean would be better; NaN where all true counts are equal.
    """
    spread = float(np.square(true - true.mean()).sum())
    return 1 - float(np.square(predicted - true).sum()) / spread if spread > 0 else float("nan")
