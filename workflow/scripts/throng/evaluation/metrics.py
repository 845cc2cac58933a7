"""Errors of counts: MAE, RMSE, MAPE, by density bin, with an interval and the baseline that any counter must beat.

The truth is always the number of annotated heads, never the sum of a density map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError

DENSITY_BINS = (0, 25, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class BinError:
    """The errors of the images whose true count is at least ``low`` and below ``high`` (None: no limit)."""

    low: int
    high: int | None
    images: int
    mae: float
    rmse: float
    bias: float


def count_metrics(predicted: Sequence[float] | np.ndarray, true: Sequence[int] | np.ndarray) -> dict:
    """Return ``mae`` and ``rmse`` in people, ``mape`` as a fraction, ``mape_excluded`` and ``images``.

    ``predicted`` and ``true`` are counts per image (N,). MAPE is over images with somebody in them; the empty ones are
    counted in ``mape_excluded``, and it is None when all are. Raises ThrongError on no images, lengths that differ or
    counts that are not finite.
    """
    p, t = _paired(predicted, true)
    error = p - t
    peopled = t > 0
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mape": float((np.abs(error)[peopled] / t[peopled]).mean()) if peopled.any() else None,
        "mape_excluded": int((~peopled).sum()),
        "images": len(t),
    }


def bin_errors(
    predicted: Sequence[float] | np.ndarray,
    true: Sequence[int] | np.ndarray,
    lows: Sequence[int] = DENSITY_BINS,
) -> list[BinError]:
    """Return the errors by true count, for bins that start at the ascending ``lows``; empty bins are left out.

    The bins cover every image: a count below the first low is refused with ThrongError.
    """
    p, t = _paired(predicted, true)
    if list(lows) != sorted(set(lows)) or not lows:
        raise ThrongError(f"density bins must ascend, got {list(lows)}")
    if t.min() < lows[0]:
        raise ThrongError(f"a true count of {t.min():g} is below the first density bin, which starts at {lows[0]}")
    bins = []
    for index, low in enumerate(lows):
        high = lows[index + 1] if index + 1 < len(lows) else None
        inside = (t >= low) & (t < (np.inf if high is None else high))
        if inside.any():
            error = (p - t)[inside]
            bins.append(
                BinError(
                    low=low,
                    high=high,
                    images=int(inside.sum()),
                    mae=float(np.abs(error).mean()),
                    rmse=float(np.sqrt((error**2).mean())),
                    bias=float(error.mean()),
                )
            )
    return bins


def mae_interval(
    predicted: Sequence[float] | np.ndarray,
    true: Sequence[int] | np.ndarray,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the MAE over images, (low, high) in people."""
    p, t = _paired(predicted, true)
    error = np.abs(p - t)
    rng = np.random.default_rng(seed)
    means = error[rng.integers(0, len(error), (resamples, len(error)))].mean(1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def mean_predictor(train_counts: Sequence[int] | np.ndarray, test_counts: Sequence[int] | np.ndarray) -> dict:
    """Return :func:`count_metrics` of always answering the mean count of the training images, plus that ``answer``."""
    if len(train_counts) == 0:
        raise ThrongError("the mean-count baseline needs at least one training image")
    answer = float(np.mean(train_counts))
    return {**count_metrics(np.full(len(test_counts), answer), test_counts), "answer": answer}


def _paired(predicted: Sequence[float] | np.ndarray, true: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, t = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if p.shape != t.shape or p.ndim != 1 or len(p) == 0:
        raise ThrongError(
            f"metrics need one predicted and one true count per image; got shapes {p.shape} and {t.shape}"
        )
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        row = int(np.flatnonzero(~(np.isfinite(p) & np.isfinite(t)))[0])
        raise ThrongError(f"image {row} has a count that is not finite: predicted {p[row]}, true {t[row]}")
    return p, t
