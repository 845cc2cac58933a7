"""How a density label is told to networks that divide its embedding by its own size.

A raw number is erased by that division: 0.1, 1 and 10 become one vector. Classes are told one-hot or, as they are
ordered, as a thermometer (Cheng et al., "A Neural Network Approach to Ordinal Regression", IJCNN 2008); scores as
waves of doubling frequency (Mildenhall et al., "NeRF", ECCV 2020, equation 4), whose size is the same for every score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throng.errors import ThrongError


@dataclass(frozen=True)
class Unlabelled:
    """No label: codes have no numbers."""

    @property
    def dim(self) -> int:
        """Length of a code."""
        return 0

    def encode(self, labels: Tensor) -> Tensor:
        """Return codes float32 (B, 0) of any (B, ...)."""
        return torch.zeros(len(labels), 0, device=labels.device)

    def card(self) -> dict[str, Any]:
        """Return what :func:`encoding_of` reads."""
        return {"name": "none"}


@dataclass(frozen=True)
class OneHot:
    """A class of ``classes``, numbered from 0: its own entry is 1."""

    classes: int

    @property
    def dim(self) -> int:
        """Length of a code."""
        return self.classes

    def encode(self, labels: Tensor) -> Tensor:
        """Return codes float32 (B, classes) of class numbers (B,); raises ThrongError when one is out of range."""
        numbers = _class_numbers(labels, self.classes)
        return torch.nn.functional.one_hot(numbers, self.classes).float()

    def card(self) -> dict[str, Any]:
        """Return what :func:`encoding_of` reads."""
        return {"name": "one-hot", "classes": self.classes}


@dataclass(frozen=True)
class Ordinal:
    """A class of ``classes``, numbered from 0 in order of density: the entries up to its own are 1."""

    classes: int

    @property
    def dim(self) -> int:
        """Length of a code."""
        return self.classes

    def encode(self, labels: Tensor) -> Tensor:
        """Return codes float32 (B, classes) of class numbers (B,); raises ThrongError when one is out of range."""
        numbers = _class_numbers(labels, self.classes)
        return (torch.arange(self.classes, device=numbers.device) <= numbers[:, None]).float()

    def card(self) -> dict[str, Any]:
        """Return what :func:`encoding_of` reads."""
        return {"name": "ordinal", "classes": self.classes}


@dataclass(frozen=True)
class Fourier:
    """A score between the first and the last of ``knots``: sines and cosines of ``octaves`` doubling frequencies.

    ``knots`` increase and cut the scores into steps of equal width on the axis of the waves: quantiles spread scores
    evenly, two knots leave their proportions. The lowest wave makes half a turn, so no two scores look alike.
    """

    knots: tuple[float, ...]
    octaves: int = 4

    def __post_init__(self) -> None:
        if len(self.knots) < 2 or any(low >= high for low, high in pairwise(self.knots)) or self.octaves < 1:
            raise ThrongError(
                f"a score is encoded between 2 or more increasing knots in 1 or more octaves, not {list(self.knots)} "
                f"in {self.octaves}"
            )

    @classmethod
    def of(cls, scores: np.ndarray, *, octaves: int = 4, steps: int = 16) -> Fourier:
        """Return the encoding whose knots are the quantiles of ``scores`` (N,), ``steps`` of them but for ties.

        Raises ThrongError when the scores are all equal or one is not finite.
        """
        values = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(values).all():
            raise ThrongError("a score is missing or infinite: label every image")
        knots = np.unique(np.quantile(values, np.linspace(0, 1, steps + 1)))
        if len(knots) < 2:
            raise ThrongError(f"all {len(values)} scores are equal: nothing to condition on; train without labels")
        return cls(tuple(knots.tolist()), octaves)

    @property
    def dim(self) -> int:
        """Length of a code."""
        return 2 * self.octaves

    def place(self, labels: Tensor) -> Tensor:
        """Return scores (B,) on the axis of the waves, float64 0..1; raises ThrongError when one is out of range."""
        scores = labels.detach().double().cpu().numpy()
        low, high = self.knots[0], self.knots[-1]
        # not (a <= b) refuses what is not a number too
        if wrong := [score for score in scores.reshape(-1).tolist() if not low <= score <= high]:
            raise ThrongError(f"score {wrong[0]:g} is out of range: these networks know {low:g} to {high:g}")
        return torch.from_numpy(np.interp(scores, self.knots, np.linspace(0, 1, len(self.knots)))).to(labels.device)

    def encode(self, labels: Tensor) -> Tensor:
        """Return codes float32 (B, 2 octaves), lowest wave first, of scores (B,).

        Raises ThrongError when one is out of range.
        """
        turns = torch.pi * self.place(labels)[:, None] * 2.0 ** torch.arange(self.octaves, device=labels.device)
        return torch.stack([turns.cos(), turns.sin()], dim=2).flatten(1).float()

    def card(self) -> dict[str, Any]:
        """Return what :func:`encoding_of` reads."""
        return {"name": "fourier", "knots": list(self.knots), "octaves": self.octaves}


@dataclass(frozen=True)
class Vector:
    """Labels that are vectors of ``length`` numbers already, as dataset.json may hold them: told as they are."""

    length: int

    @property
    def dim(self) -> int:
        """Length of a code."""
        return self.length

    def encode(self, labels: Tensor) -> Tensor:
        """Return (B, length) as float32; raises ThrongError for another shape or numbers that are not finite."""
        if labels.ndim != 2 or labels.shape[1] != self.length or not labels.isfinite().all():
            raise ThrongError(f"labels of shape {tuple(labels.shape)}: expected {self.length} finite numbers per image")
        return labels.float()

    def card(self) -> dict[str, Any]:
        """Return what :func:`encoding_of` reads."""
        return {"name": "float", "length": self.length}


Encoding = Unlabelled | OneHot | Ordinal | Fourier | Vector

READERS: dict[str, Callable[[Mapping[str, Any]], Encoding]] = {
    "none": lambda card: Unlabelled(),
    "one-hot": lambda card: OneHot(card["classes"]),
    "ordinal": lambda card: Ordinal(card["classes"]),
    "fourier": lambda card: Fourier(tuple(card["knots"]), card["octaves"]),
    "float": lambda card: Vector(card["length"]),
}


def encoding_of(card: Mapping[str, Any]) -> Encoding:
    """Return the encoding whose ``card()`` this is; raises ThrongError for a name that does not exist."""
    if card["name"] not in READERS:
        raise ThrongError(f"labels cannot be encoded as {card['name']!r}; known: {', '.join(READERS)}")
    return READERS[card["name"]](card)


def _class_numbers(labels: Tensor, classes: int) -> Tensor:
    # not (a <= b) refuses what is not a number too
    for label in labels.reshape(-1).tolist():
        if not 0 <= label < classes or label != int(label):
            raise ThrongError(f"class {label:g} is out of range: these networks know 0 to {classes - 1}")
    return labels.long()
