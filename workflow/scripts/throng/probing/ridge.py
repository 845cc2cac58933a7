"""Ridge regression from features to a number of people, its penalty chosen on the training pictures alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PENALTIES = np.logspace(-6, 3, 37)


@dataclass(frozen=True)
class Ridge:
    """people = (features - centre) . weights + mean; ``penalty`` relative to the largest squared singular value."""

    centre: np.ndarray
    weights: np.ndarray
    mean: float
    penalty: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return people (N,) float64 of features (N, F)."""
        return (features - self.centre) @ self.weights + self.mean


def fit_ridge(features: np.ndarray, counts: np.ndarray) -> Ridge:
    """Fit counts (N,) by features (N, F) with an intercept, by the penalty of the least leave-one-out error.

    The errors are exact, from one decomposition: residual / (1 - leverage). Features are scaled all alike by nothing
    but the penalty, which is relative, so a network's scale does not matter. Features that are all equal predict the
    mean. Source: Hastie, Tibshirani and Friedman, "The elements of statistical learning", 2009, eq. 3.47 and 7.64.
    """
    features, counts = np.asarray(features, np.float64), np.asarray(counts, np.float64)
    centre, mean = features.mean(0), float(counts.mean())
    u, s, vt = np.linalg.svd(features - centre, full_matrices=False)
    top = s[0] ** 2 if len(s) else 0.0
    if top <= 1e-20 * max(1.0, float(np.square(features).sum())):
        return Ridge(centre, np.zeros(features.shape[1]), mean, 0.0)
    projected = u.T @ (counts - mean)
    shrunk = s**2 / (s**2 + PENALTIES[:, None] * top)
    leverage = 1 / len(counts) + shrunk @ np.square(u).T
    errors = (counts - mean - (shrunk * projected) @ u.T) / np.maximum(1 - leverage, 1e-9)
    penalty = float(PENALTIES[np.square(errors).sum(1).argmin()])
    weights = vt.T @ (s / (s**2 + penalty * top) * projected)
    return Ridge(centre, weights, mean, penalty)


def r_squared(predicted: np.ndarray, true: np.ndarray) -> float:
    """Return the share of the counts' variance that is told, 1 - squared errors over those of the mean of ``true``.

    Below 0 the mean would be better; NaN where all true counts are equal.
    """
    spread = float(np.square(true - true.mean()).sum())
    return 1 - float(np.square(predicted - true).sum()) / spread if spread > 0 else float("nan")
