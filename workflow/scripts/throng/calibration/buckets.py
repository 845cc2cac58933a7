"""Buckets: the images that one maker made for one request, and what is believed of their counts before looking."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

# mean relative error of the true count against the requested one, read off a figure of AFreeCA (D'Alessandro et al.,
# ECCV 2024): Stable Diffusion, prompts of a bare count phrase
PUBLISHED = {1: 0.07, 5: 0.18, 10: 0.26, 15: 0.32, 20: 0.45, 40: 0.61}
EMPTY_SPREAD = 0.25  # of g where nobody was requested: about 5 % of such images show somebody
SPREADS = (0.02, 3.0)


@dataclasses.dataclass(frozen=True, order=True)
class Bucket:
    """One maker's images of one request: ``label`` is the count or the density class, met by fewest to most people."""

    maker: str
    fewest: int
    most: int
    label: str

    @property
    def requested(self) -> int | None:
        """Return the requested count, None where a density was requested."""
        return self.fewest if self.label == str(self.fewest) else None


@dataclasses.dataclass(frozen=True)
class Grid:
    """Counts at which posteriors are evaluated: every whole number to 64, from there in steps of 2 %.

    ``counts`` (J,) float64 people; ``edges`` (J + 1,) between their cells in g = log(1 + people), open at both ends.
    """

    counts: np.ndarray
    edges: np.ndarray

    @classmethod
    def up_to(cls, most: float) -> "Grid":
        """Return the grid that reaches four times ``most`` people."""
        top = max(4.0 * most, 100.0)
        steps = np.arange(1, math.ceil(math.log(top / 64) / 0.02) + 1)
        counts = np.concatenate([np.arange(65.0), 64 * np.exp(0.02 * steps)])
        inner = np.log1p((counts[1:] + counts[:-1]) / 2)
        return cls(counts, np.concatenate([[-np.inf], inner, [np.inf]]))


def published_error(requested: float) -> float:
    """Return the published mean relative error, linear in log(1 + requested) and level beyond the curve's ends."""
    known = np.array(list(PUBLISHED))
    return float(np.interp(math.log1p(requested), np.log1p(known), list(PUBLISHED.values())))


@functools.cache
def prior_of(fewest: int, most: int) -> tuple[float, float]:
    """Return place and spread of g = log(1 + people) that is believed of a request before anything was looked at.

    A count has the spread at which the mean of |people - requested| / requested is the published one, when people + 1
    is as requested in the mean: g is then normal about place - spread^2 / 2. A density class has the moments of an even
    distribution of g over its range, "nobody" those of an empty image.
    """
    if most == 0:
        return 0.0, EMPTY_SPREAD
    low, high = math.log1p(fewest), math.log1p(most)
    if fewest < most:
        return (low + high) / 2, max((high - low) / math.sqrt(12), EMPTY_SPREAD)
    return low, _spread_for(fewest)


def _spread_for(requested: int) -> float:
    grid, wanted = Grid.up_to(10 * requested + 50), published_error(requested)

    def excess(spread: float) -> float:
        cells = np.diff(ndtr((grid.edges - (math.log1p(requested) - spread**2 / 2)) / spread))
        return float(cells @ np.abs(grid.counts - requested)) / requested - wanted

    found: Any = brentq(excess, *SPREADS)
    return float(found)
