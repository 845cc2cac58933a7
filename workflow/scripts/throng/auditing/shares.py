"""Shares with intervals: of independent cases, and of cases that come in groups."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Z = 1.959963984540054  # the 97.5 % point of the normal distribution
Share = dict[str, Any]


def wilson(right: float, number: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, ``right`` of ``number`` (JASA 22, 1927); a tie may count a half."""
    if number == 0:
        return 0.0, 1.0
    share, spread = right / number, Z * Z / number
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return 0.0 if right == 0 else middle - half, 1.0 if right == number else middle + half


def share(right: float, number: int) -> Share:
    """Return a share with its Wilson interval as a record; the share is None when there are no cases."""
    low, high = wilson(right, number)
    return {"number": number, "right": right, "share": right / number if number else None, "low": low, "high": high}


def grouped_interval(
    right: Sequence[float] | np.ndarray, groups: Sequence[str], rng: np.random.Generator, resamples: int = 1000
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of ``right`` (N,), whole groups drawn with replacement."""
    _, which = np.unique(np.asarray(groups), return_inverse=True)
    sums, sizes = np.bincount(which, np.asarray(right, np.float64)), np.bincount(which)
    drawn = rng.integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def bin_name(value: int | None, lows: Sequence[int]) -> str:
    """Return the name of the bin that holds a value, ``unknown`` for None; the bins rise from 0, the last is open."""
    if value is None:
        return "unknown"
    index = max(int(np.searchsorted(lows, value, side="right")) - 1, 0)
    if index + 1 == len(lows):
        return f"{lows[index]}+"
    last = lows[index + 1] - 1
    return str(last) if last == lows[index] else f"{lows[index]}-{last}"


def bin_order(name: str) -> tuple[int, str]:
    """Return a key that sorts names of bins by where they start, and ``unknown`` last."""
    digits = name.rstrip("+").partition("-")[0]
    return (int(digits), "") if digits.isdigit() else (2**31, name)
