"""How good the uncertainty of counts is: coverage, calibration error, likelihood, CRPS, and scores of intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from throng.errors import ThrongError

COVERAGE_LEVELS = (0.5, 0.8, 0.9, 0.95)
CALIBRATION_LEVELS = np.arange(1, 20) / 20

Numbers = Sequence[float] | np.ndarray


def count_calibration(
    predicted: Numbers, stds: Numbers, true: Numbers, levels: Sequence[float] = COVERAGE_LEVELS
) -> dict:
    """Return how well counts N(``predicted``, ``stds``^2) in people describe the ``true`` ones, each (N,).

    ``coverage`` holds for each level, as a string, the share of images inside the central interval of that probability;
    ``calibration_error`` is the mean of |coverage - level| over the levels 0.05 .. 0.95; ``z_rms`` the root mean square
    of error / std (1 is right, above means overconfident); ``nll`` the mean negative log-likelihood; ``crps``
    the mean continuous ranked probability score in people, which is the MAE as stds go to 0; ``sharpness`` the mean
    std in people. Raises ThrongError on no images, lengths that differ, numbers that are not finite, or a std that is
    not positive.
    Source: Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 2007, section 4.2.
    """
    p, s, t = _columns(predicted=predicted, stds=stds, true=true)
    if not (s > 0).all():
        row = int(np.flatnonzero(s <= 0)[0])
        raise ThrongError(f"image {row} has a standard deviation of {s[row]:g} people: it must be positive")
    z = (t - p) / s
    # An interval of probability q covers an error when the probability nearer to the centre than it is at most q.
    nearer = 2 * norm.cdf(np.abs(z)) - 1
    covered = (nearer <= CALIBRATION_LEVELS[:, None]).mean(1)
    crps = s * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    return {
        "coverage": {f"{level:g}": float((nearer <= level).mean()) for level in _probabilities(levels)},
        "calibration_error": float(np.abs(covered - CALIBRATION_LEVELS).mean()),
        "z_rms": float(np.sqrt((z**2).mean())),
        "nll": float(-norm.logpdf(t, p, s).mean()),
        "crps": float(crps.mean()),
        "sharpness": float(s.mean()),
        "images": len(t),
    }


def interval_scores(low: Numbers, high: Numbers, true: Numbers, level: float) -> dict:
    """Return the share of ``true`` counts inside [``low``, ``high``], each (N,) in people, and what the intervals cost.

    ``coverage`` should be ``level``, their nominal probability; ``width`` is their mean in people; ``score`` is
    the mean interval score in people: the width, plus 2 / (1 - level) times how far a truth is outside; less is better.
    Raises ThrongError on no images, lengths that differ, numbers that are not finite, or an interval that ends before
    it starts.
    Source: Gneiting and Raftery, JASA 2007, eq. 43.
    """
    bottom, top, t = _columns(low=low, high=high, true=true)
    (probability,) = _probabilities([level])
    if (top < bottom).any():
        row = int(np.flatnonzero(top < bottom)[0])
        raise ThrongError(f"the interval of image {row} ends before it starts: {bottom[row]:g} to {top[row]:g}")
    outside = np.maximum(bottom - t, 0) + np.maximum(t - top, 0)
    return {
        "level": probability,
        "coverage": float((outside == 0).mean()),
        "width": float((top - bottom).mean()),
        "score": float((top - bottom + 2 / (1 - probability) * outside).mean()),
        "images": len(t),
    }


def _probabilities(levels: Sequence[float]) -> list[float]:
    for level in levels:
        if not 0 < level < 1:
            raise ThrongError(f"an interval's probability is between 0 and 1, not {level}")
    return [float(level) for level in levels]


def _columns(**columns: Numbers) -> list[np.ndarray]:
    arrays = {name: np.asarray(values, np.float64) for name, values in columns.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) != 1 or any(array.ndim != 1 or len(array) == 0 for array in arrays.values()):
        raise ThrongError(
            f"calibration needs one number per image in each of {', '.join(columns)}; got shapes {shapes}"
        )
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array))[0])
            raise ThrongError(f"image {row} has a number in {name} that is not finite: {array[row]}")
    return list(arrays.values())
