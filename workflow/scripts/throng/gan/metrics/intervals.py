"""What a bootstrap says about a number whose draws are biased."""

from __future__ import annotations

import numpy as np

from throng.evaluation.resampling import LEVEL, quantiles


def around(value: float, draws: np.ndarray, level: float = LEVEL) -> list[float] | None:
    """Return the interval [low, high] of ``value`` that the deviations of bootstrap ``draws`` from their mean span.

    Repeated images shift the draws of a Frechet distance upwards, often beyond the value itself: the shift is taken
    out, the spread stays. None without draws.
    """
    if len(draws) == 0:
        return None
    return quantiles(value + draws - draws.mean(), level)


def again(images: int, rng: np.random.Generator, *, different: int = 1) -> np.ndarray:
    """Return how often each image is drawn in one bootstrap draw, (images,) float64; so many ``different`` at least."""
    while True:
        counts = np.bincount(rng.integers(0, images, images), minlength=images).astype(np.float64)
        if np.count_nonzero(counts) >= different:
            return counts
