"""The interval of a count, from errors on validation images: split conformal prediction, free of any distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError


@dataclass(frozen=True)
class CountInterval:
    """Counts c are off by at most ``quantile`` * sqrt(c + 1) people with probability ``level``.

    The root because the spread of a count grows with it; ``images`` is how many errors it was learnt from. The promise
    holds for images that are exchangeable with those: another camera keeps no part of it.
    """

    level: float
    quantile: float
    images: int

    def around(self, count: float) -> tuple[float, float]:
        """Return the (low, high) people around a predicted count; low is never negative."""
        reach = self.quantile * math.sqrt(max(count, 0.0) + 1)
        return max(0.0, count - reach), count + reach


def fit_interval(
    predicted: Sequence[float] | np.ndarray, true: Sequence[float] | np.ndarray, level: float = 0.9
) -> CountInterval:
    """Return the interval whose ``level`` of the validation errors, rounded up by the finite-sample rule, are inside.

    ``predicted`` and ``true`` are (N,) people. With too few images for the level, the largest error is taken.
    Raises ThrongError when they are none, or not finite. Source: Lei et al., "Distribution-free predictive inference
    for regression", JASA 2018, section 2.2, with the score |error| / sqrt(predicted + 1).
    """
    p, t = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if p.shape != t.shape or p.ndim != 1 or len(p) == 0 or not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise ThrongError(f"an interval needs finite predicted and true counts; got shapes {p.shape} and {t.shape}")
    if not 0 < level < 1:
        raise ThrongError(f"the level of an interval must be between 0 and 1, not {level}")
    scores = np.sort(np.abs(p - t) / np.sqrt(np.maximum(p, 0) + 1))
    rank = min(len(scores), math.ceil((len(scores) + 1) * level))
    return CountInterval(level, float(scores[rank - 1]), len(scores))
