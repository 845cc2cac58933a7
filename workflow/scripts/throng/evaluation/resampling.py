"""Intervals of errors: over trainings, over images, and over both at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import beta, t

LEVEL = 0.95
CHUNK = 256


def run_interval(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> list[float] | None:
    """Return Student's t interval [low, high] of the mean of one value per training; None for fewer than two."""
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return None
    reach = t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return [float(values.mean() - reach), float(values.mean() + reach)]


def share_interval(share: float, images: int, level: float = LEVEL) -> list[float]:
    """Return the Clopper-Pearson interval [low, high] of a ``share`` of ``images``, which need not be whole images."""
    inside, tail = share * images, (1 - level) / 2
    low = beta.ppf(tail, inside, images - inside + 1) if inside > 0 else 0.0
    high = beta.ppf(1 - tail, inside + 1, images - inside) if inside < images else 1.0
    return [float(low), float(high)]


def image_intervals(
    errors: np.ndarray, true: np.ndarray, *, resamples: int, level: float = LEVEL, seed: int = 0
) -> dict[str, list[float] | None]:
    """Return the bootstrap interval over images of the mean over runs of ``mae``, ``rmse`` and ``mape``.

    ``errors`` is (R, N) in people and ``true`` (N,). ``mape`` is over images with somebody in them, None without any.
    """
    absolute, squares = np.abs(errors).mean(0), errors.T**2
    peopled = true > 0
    relative = np.where(peopled, absolute / np.where(peopled, true, 1), 0.0)
    found: dict[str, list[np.ndarray]] = {"mae": [], "rmse": [], "mape": []}
    for weights in _image_weights(len(true), resamples, seed):
        found["mae"].append(weights @ absolute)
        found["rmse"].append(np.sqrt(weights @ squares).mean(1))
        drawn = weights @ peopled
        found["mape"].append((weights @ relative)[drawn > 0] / drawn[drawn > 0])
    return {name: quantiles(np.concatenate(values), level) for name, values in found.items()}


def resampled_maes(errors: Sequence[np.ndarray], *, resamples: int, seed: int = 0) -> np.ndarray:
    """Return bootstrap draws of every counter's MAE, (counters, resamples): images and runs are drawn again.

    ``errors`` has (R, N) people per counter; the N images are the same for all and drawn for all alike, so that the
    difference of two rows is a paired one; the R runs are drawn for each counter by itself. Their deviations are
    stretched by sqrt(R / (R - 1)), without which so few runs would seem to differ less than they do. One run stays.
    Source: Rao and Wu, "Resampling inference with complex survey data", JASA 1988, section 2.1 (the stretching).
    """
    runs = [_run_weights(len(one), resamples, [seed, number]) for number, one in enumerate(errors)]
    absolute = [np.abs(one) for one in errors]
    draws = np.empty((len(errors), resamples))
    start = 0
    for weights in _image_weights(errors[0].shape[1], resamples, seed):
        part = slice(start, start + len(weights))
        for number, (mine, drawn) in enumerate(zip(absolute, runs, strict=True)):
            draws[number, part] = ((weights @ mine.T) * drawn[part]).sum(1)
        start += len(weights)
    return draws


def quantiles(values: np.ndarray, level: float = LEVEL) -> list[float] | None:
    """Return the central interval [low, high] that holds ``level`` of the values; None of none."""
    if len(values) == 0:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]


def _image_weights(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield, a chunk of resamples at a time, how often each image is drawn, over the number of images."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        drawn = rng.integers(0, images, (min(CHUNK, resamples - start), images))
        rows = np.arange(len(drawn))[:, None] * images
        counts = np.bincount((drawn + rows).ravel(), minlength=drawn.size)
        yield counts.reshape(drawn.shape) / images


def _run_weights(runs: int, resamples: int, seed: list[int]) -> np.ndarray:
    if runs == 1:
        return np.ones((resamples, 1))
    drawn = np.random.default_rng(seed).multinomial(runs, np.full(runs, 1 / runs), resamples) / runs
    return 1 / runs + np.sqrt(runs / (runs - 1)) * (drawn - 1 / runs)
