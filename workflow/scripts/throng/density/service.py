"""Level of service: how freely people can move at a density, in the letters A (free) to F, and what becomes dangerous.

Every scheme is kept as its source states it, as area per person in the source's unit, and turned into people per square
metre once, correctly rounded. Which of two levels a boundary belongs to follows from the source's own words.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

LETTERS = "ABCDEF"
SQUARE_METRES = {"m2": Fraction(1), "ft2": Fraction("0.3048") ** 2}  # the international foot is exactly 0.3048 m


@dataclass(frozen=True)
class Scheme:
    """Six levels of service by area per person.

    ``areas`` are the least areas of A to E in ``unit``, as decimals; ``tie`` says whether a person with exactly such an
    area is at the freer or at the denser of the two levels that meet there.
    """

    name: str
    areas: tuple[str, ...]
    unit: Literal["m2", "ft2"]
    tie: Literal["freer", "denser"]
    source: str

    @cached_property
    def densities(self) -> tuple[float, ...]:
        """Return the people per square metre at which A to E end, rising."""
        return tuple(float(1 / (Fraction(area) * SQUARE_METRES[self.unit])) for area in self.areas)

    def level(self, density: float) -> int:
        """Return the level, 0 (A) to 5 (F), of people per square metre; raises ValueError unless it is 0 or more."""
        if not density >= 0:
            raise ValueError(f"a density must be 0 or more people per square metre, not {density}")
        return (bisect_left if self.tie == "freer" else bisect_right)(self.densities, density)

    def letter(self, density: float) -> str:
        """Return the level's letter, A to F; raises ValueError as :meth:`level` does."""
        return LETTERS[self.level(density)]


_ALL = (
    Scheme(
        "fruin-walkway",
        ("35", "25", "15", "10", "5"),
        "ft2",
        "freer",
        "J. J. Fruin, Designing for Pedestrians: A Level-of-Service Concept, Highway Research Record 355, 1971: "
        "A is 35 square feet or more, F less than 5",
    ),
    Scheme(
        "hcm-walkway",
        ("5.6", "3.7", "2.2", "1.4", "0.75"),
        "m2",
        "denser",
        "Transportation Research Board, Highway Capacity Manual 2000, chapters 11 and 18: A is more than 5.6 m2, "
        "F 0.75 m2 or less",
    ),
    Scheme(
        "hcm-queueing",
        ("1.21", "0.90", "0.70", "0.30", "0.20"),
        "m2",
        "denser",
        "queueing areas after the Highway Capacity Manual, in the rounding that pedestrian simulators use; the edition "
        "of 2000 ends A at 1.2 and C at 0.6 m2. F is 0.2 m2 or less",
    ),
    Scheme(
        "fruin-queueing",
        ("13", "10", "7", "3", "2"),
        "ft2",
        "freer",
        "J. J. Fruin, Pedestrian Planning and Design, 1971, as commonly cited: A is 13 square feet or more",
    ),
)
SCHEMES = {scheme.name: scheme for scheme in _ALL}

WALKING_MARKS = (
    (0.43, "normal walking pace"),
    (2.0, "slowed walking"),
    (3.57, "involuntary contact"),
    (5.55, "dangerous forces"),
)
STANDING_MARK = (7.1, "critical even when standing")


def hazard(density: float) -> str:
    """Return what people per square metre mean for safety: the highest mark reached, "free movement" below all.

    The marks are Fruin's, as Wirz et al., "Probing crowd density through smartphones in city-scale mass gatherings",
    EPJ Data Science 2:5 (2013), table 1, give them. Raises ValueError unless the density is 0 or more.
    """
    if not density >= 0:
        raise ValueError(f"a density must be 0 or more people per square metre, not {density}")
    reached = [words for mark, words in (*WALKING_MARKS, STANDING_MARK) if density >= mark]
    return reached[-1] if reached else "free movement"
