"""Spearman's rank correlation, of a sample and of bootstrap draws from it."""

import numpy as np

from throng.density_audit.resampling import Draws


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation of two (N,) float arrays, ties sharing their mean rank; NaN where undefined.

    It is undefined where all values of one are equal, or N < 2 (Spearman, Am. J. Psychol. 15, 1904).
    """
    once = np.ones((1, len(first)), int)
    return float(_weighted(midranks(first, once), midranks(second, once), once)[0])


def resampled(first: np.ndarray, second: np.ndarray, draws: Draws) -> np.ndarray:
    """Return (D,) Spearman correlations of two (N,) arrays, one per draw of their scenes; NaN where undefined."""
    blocks = [_weighted(midranks(first, times), midranks(second, times), times) for times in draws.blocks()]
    return np.concatenate(blocks) if blocks else np.zeros(0)


def partial(between: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of two things at equal values of a third: ``between`` them, and of each with the third.

    All arrays have one shape; NaN where one of the two is the third (Kendall, Biometrika 32, 1942, for ranks).
    """
    left = (1 - first**2) * (1 - second**2)
    defined = left > 1e-9
    return np.where(defined, (between - first * second) / np.sqrt(np.where(defined, left, 1)), np.nan)


def midranks(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the ranks (D, N) from 1 of (N,) values in D samples that have value n ``times[d, n]`` times.

    Equal values share the mean of their ranks; the rank of a value that a sample lacks is of no meaning.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    if len(ordered) == 0:
        return np.zeros(times.shape)
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    alike = np.add.reduceat(times[:, order], np.flatnonzero(fresh), axis=1)
    shared = np.cumsum(alike, axis=1) - alike + (alike + 1) / 2
    ranks = np.empty(times.shape)
    ranks[:, order] = shared[:, np.cumsum(fresh) - 1]
    return ranks


def signed(value: float) -> str:
    """Return a correlation as a table shows it."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _weighted(first: np.ndarray, second: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return (D,) Pearson correlations of (D, N) values of which sample d has each ``times[d, n]`` times."""
    number = np.maximum(times.sum(1, keepdims=True), 1)
    first = first - (times * first).sum(1, keepdims=True) / number
    second = second - (times * second).sum(1, keepdims=True) / number
    spread = np.sqrt((times * first**2).sum(1) * (times * second**2).sum(1))
    # ranks are multiples of one half: what spreads less is rounding
    defined = spread > 1e-6
    together = (times * first * second).sum(1)
    return np.where(defined, np.clip(together / np.where(defined, spread, 1), -1, 1), np.nan)
