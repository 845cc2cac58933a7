"""Density labels: how crowded an image is, as a score and a class."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class DensityLabel:
    """A continuous score and the class it falls into, 0 the emptiest."""

    score: float
    density_class: int


def threshold(count: float, thresholds: Sequence[int]) -> DensityLabel:
    """Label an image by its number of people: class k holds the counts above threshold k - 1 up to threshold k.

    Upper ends are inclusive: with (10, 30), ten people are class 0, eleven to thirty class 1, more class 2.
    """
    return DensityLabel(float(count), bisect_left(thresholds, count))
