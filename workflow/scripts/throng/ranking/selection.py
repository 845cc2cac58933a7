"""Choosing without labels: how far predicted numbers of people are from what crowds are like, and from known scenes.

Prior and protocol: Babu Sam et al., "Completely Self-Supervised Crowd Counting via Distribution Matching", ECCV 2022,
which stops by the Sinkhorn distance between predicted and prior counts. Sinkhorn divergence: Feydy et al.,
"Interpolating between Optimal Transport and MMD using Sinkhorn Divergences", AISTATS 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from throng.errors import ThrongError
from throng.ranking.partition import overlaps

# of the prior's samples, the share at its low end that is drawn evenly down to nobody
LOW_SHARE = 0.28
GRID = 4096
ITERATIONS = 300
COOLING = 0.5
COOLING_ITERATIONS = 5
TOLERANCE = 1e-3


@dataclass(frozen=True)
class PowerLaw:
    """How many people blocks of photographs hold: density proportional to c^-alpha exp(-c / cutoff) from one person on.

    ``most`` is a number of people that one of ``samples`` blocks is expected to reach: the cut-off is the one by which
    a block holds more with probability 1 / samples. Below the 0.28 quantile blocks hold anything down to nobody alike.
    """

    most: float
    samples: int
    alpha: float = 2.0

    def __post_init__(self) -> None:
        if not (self.most > 1 and self.samples >= 2 and self.alpha > 0):
            raise ThrongError(
                f"a prior of blocks needs more than 1 person at most, at least 2 samples and an exponent above 0; got "
                f"{self.most}, {self.samples} and {self.alpha}"
            )

    def cutoff(self) -> float:
        """Return the cut-off, people; infinite where the power law alone exceeds ``most`` rarely enough."""
        wanted = 1 - 1 / self.samples

        def excess(log_cutoff: float) -> float:
            return self._below_most(math.exp(log_cutoff)) - wanted

        # c^-2 alone may fall fast enough; a cut-off of a hundredth of a person never lets anything through
        if excess(math.log(1e6 * self.most)) >= 0:
            return math.inf
        found: Any = brentq(excess, math.log(1e-2), math.log(1e6 * self.most))
        return math.exp(found)

    def people(self, number: int) -> np.ndarray:
        """Return (number,) people, ascending: the prior's quantiles at the middles of as many equal shares."""
        c, cumulative = self._distribution(self.cutoff())
        shares = (np.arange(number) + 0.5) / number
        lowest = np.interp(LOW_SHARE, cumulative, c)
        return np.where(shares < LOW_SHARE, lowest * shares / LOW_SHARE, np.interp(shares, cumulative, c))

    def _below_most(self, cutoff: float) -> float:
        c, cumulative = self._distribution(cutoff)
        return float(np.interp(self.most, c, cumulative))

    def _distribution(self, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
        # far enough out for the tail to be nothing; even in log c, where a power law is smooth
        c = np.geomspace(1.0, 1e3 * self.most, GRID)
        density = np.exp(-self.alpha * np.log(c) - (c - 1) / cutoff)
        steps = 0.5 * (density[1:] + density[:-1]) * np.diff(c)
        cumulative = np.concatenate([[0.0], np.cumsum(steps)])
        return c, cumulative / cumulative[-1]


def sinkhorn_distance(first: np.ndarray, second: np.ndarray, epsilon: float = 0.1) -> float:
    """Return the Sinkhorn divergence of two sets of numbers (n,) and (m,), each of equal masses; >= 0, in their units.

    The root of OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2 for squared differences, ``epsilon`` in units of their variance;
    as it shrinks this tends to the Wasserstein-2 distance. Raises ThrongError for numbers that are not finite.
    """
    a, b = np.asarray(first, np.float64).ravel(), np.asarray(second, np.float64).ravel()
    if not (len(a) and len(b) and np.isfinite(a).all() and np.isfinite(b).all()):
        raise ThrongError(f"a Sinkhorn distance needs finite numbers on both sides; got {len(a)} and {len(b)}")
    spread = float(np.concatenate([a, b]).var())
    if spread == 0:
        return 0.0
    own = 0.5 * (_transport(a, a, epsilon * spread) + _transport(b, b, epsilon * spread))
    return math.sqrt(max(0.0, _transport(a, b, epsilon * spread) - own))


def _transport(a: np.ndarray, b: np.ndarray, epsilon: float) -> float:
    """Return the dual value of entropic transport between equal masses at ``a`` and at ``b``, squared costs.

    The regularisation cools from the largest cost: small ones alone converge slowly.
    """
    cost = (a[:, None] - b[None, :]) ** 2
    f, g = np.zeros(len(a)), np.zeros(len(b))
    level = max(float(cost.max()), epsilon)
    while True:
        for _ in range(ITERATIONS if level == epsilon else COOLING_ITERATIONS):
            before = f
            f = -level * _soft_mean((g[None, :] - cost) / level, 1)
            g = -level * _soft_mean((f[:, None] - cost) / level, 0)
            if np.abs(f - before).max() < TOLERANCE * epsilon:
                break
        if level == epsilon:
            return float(f.mean() + g.mean())
        level = max(epsilon, level * COOLING)


def _soft_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the logarithm of the mean of exponentials along an axis."""
    top = values.max(axis, keepdims=True)
    return np.log(np.exp(values - top).mean(axis)) + top.squeeze(axis)


def block_counts(maps: Sequence[np.ndarray], blocks: int) -> np.ndarray:
    """Return (len(maps) * blocks^2,) people in the blocks x blocks equal parts of maps of people per cell."""
    found: list[np.ndarray] = []
    for density in maps:
        rows, columns = (_block_shares(length, blocks) for length in density.shape)
        found.append((rows @ density @ columns.T).ravel())
    return np.concatenate(found)


def _block_shares(cells: int, blocks: int) -> np.ndarray:
    return overlaps(np.arange(cells + 1.0), np.linspace(0, cells, blocks + 1))


def agreement(predicted: Sequence[float], known: Sequence[float]) -> dict[str, float]:
    """Return MAE and RMSE, people, of counts of synthesised images against those that they were made with."""
    errors = np.asarray(predicted, np.float64) - np.asarray(known, np.float64)
    return {"mae": float(np.abs(errors).mean()), "rmse": float(np.sqrt((errors**2).mean())), "images": len(errors)}
