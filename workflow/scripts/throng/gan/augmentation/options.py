"""Which transforms an augmentation has, how probable and how strong each is.

The transforms, their order and their strengths: Karras et al. (2020, ADA), section 2.2 and appendix B; "bgc" there is
``full`` here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from throng.errors import ThrongError

# each transform, in the order in which they are applied
TRANSFORMS = {
    "x_flip": "mirrored left to right, or not, each with probability 1/2",
    "rotate90": "turned by 0, 90, 180 or 270 degrees",
    "integer_shift": "moved by whole pixels, at most this share of the size",
    "scale": "enlarged or shrunk; deviation of the factor's binary logarithm",
    "rotate": "turned by at most so many degrees",
    "anisotropy": "stretched in one direction and shrunk across it; deviation of the factor's binary logarithm",
    "fractional_shift": "moved; deviation as a share of the size",
    "brightness": "made lighter or darker; deviation of what is added, -1..1 being black to white",
    "contrast": "made harder or softer; deviation of the factor's binary logarithm",
    "luma_flip": "lightness turned round, hues kept, or not, each with probability 1/2",
    "hue": "hues turned by at most so many degrees",
    "saturation": "colours made stronger or weaker; deviation of the factor's binary logarithm",
    "image_filter": "four bands of frequency made stronger or weaker; deviation of their factors' binary logarithms",
    "noise": "Gaussian noise added; deviation of its half-normal deviation",
    "cutout": "a square set to mid-grey, its side this share of the size",
}

STRENGTHS = {
    "integer_shift": 0.125,
    "scale": 0.2,
    "rotate": 180.0,
    "anisotropy": 0.2,
    "fractional_shift": 0.125,
    "brightness": 0.2,
    "contrast": 0.5,
    "hue": 180.0,
    "saturation": 1.0,
    "image_filter": 1.0,
    "noise": 0.1,
    "cutout": 0.5,
}

_ORIGINAL = frozenset(TRANSFORMS) - {"image_filter", "noise", "cutout"}
# gravity matters for crowds: nobody walks on the wall or the ceiling
SETS = {"upright": _ORIGINAL - {"rotate90"}, "full": _ORIGINAL, "none": frozenset[str]()}
UPRIGHT_ROTATION = 5.0


@dataclass(frozen=True)
class Options:
    """A set of transforms and what differs from it.

    ``set``: upright (no quarter turns, rotations of at most 5 degrees), full (the paper's bgc) or none.
    ``multipliers``: for a transform, by how much p is multiplied to give its probability (1 for those of the set, 0 for
    others). ``strengths``: in the units that TRANSFORMS states. Raises ThrongError for names that do not exist,
    multipliers below 0 and strengths that are not above 0.
    """

    set: str = "upright"
    multipliers: Mapping[str, float] = field(default_factory=dict)
    strengths: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.set not in SETS:
            raise ThrongError(f"no set of augmentations is called {self.set!r}; known: {', '.join(SETS)}")
        _known("multiplier", self.multipliers, TRANSFORMS)
        _known("strength", self.strengths, STRENGTHS)
        for name, multiplier in self.multipliers.items():
            if not 0 <= multiplier < math.inf:
                raise ThrongError(f"the multiplier of augmentation {name} must be 0 or more: it is {multiplier}")
        for name, strength in self.strengths.items():
            if not 0 < strength < math.inf:
                raise ThrongError(f"the strength of augmentation {name} must be above 0: it is {strength}")

    def probability(self, name: str, p: float) -> float:
        """Return the probability of a transform when the augmentation's is ``p``."""
        return min(1.0, p * self.multipliers.get(name, float(name in SETS[self.set])))

    def strength(self, name: str) -> float:
        """Return the strength of a transform, in the unit that TRANSFORMS states."""
        usual = UPRIGHT_ROTATION if name == "rotate" and self.set == "upright" else STRENGTHS[name]
        return self.strengths.get(name, usual)

    @property
    def names(self) -> tuple[str, ...]:
        """The transforms whose probability is not 0, in the order of their application."""
        return tuple(name for name in TRANSFORMS if self.probability(name, 1.0) > 0)


def _known(what: str, given: Mapping[str, float], names: Mapping[str, object]) -> None:
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ThrongError(f"no {what} of augmentation is called {unknown[0]!r}; known: {', '.join(names)}")
