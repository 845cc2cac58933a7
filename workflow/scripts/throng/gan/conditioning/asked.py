"""What a generator is asked for: its labels in rising order, and how many people each stands for in real images.

Source: own. Expected counts of continuous labels are an isotonic regression (Barlow et al., "Statistical inference
under order restrictions", 1972).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throng.errors import ThrongError

if TYPE_CHECKING:
    from throng.gan.data import TrainingSet

MOST_VECTORS = 32
LETTERS = frozenset("ABCDEF")


@dataclass(frozen=True)
class Asked:
    """K labels that are asked for, in the order in which people should become more.

    ``labels`` (K,) or (K, dim) float are what the encoding takes, ``values`` (K,) float64 rise: class numbers, scores,
    or places among vectors. ``own`` (N,) float64 are the values of the real images in the same unit, ``group`` (N,)
    int the label among the K that each is nearest to. ``names`` are for tables.
    """

    kind: str
    labels: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    own: np.ndarray
    group: np.ndarray

    @property
    def ordered_classes(self) -> bool:
        """Return whether the labels are classes, which a count can be right or wrong about."""
        return self.kind != "score"

    @property
    def levels_of_service(self) -> bool:
        """Return whether the classes are levels of service, A (free) to F."""
        return self.ordered_classes and len(self.names) > 1 and set(self.names) <= LETTERS


def asked_for(real: TrainingSet, levels: int) -> Asked:
    """Return every class, ``levels`` scores at even quantiles of the real ones, or every vector of few.

    Vectors have no order of their own: theirs is that of the mean counts of their images. Raises ThrongError where
    nothing can be asked for: labels of one value, or vectors that are many or of images whose counts nobody knows.
    """
    labels = np.asarray(real.labels, np.float64)
    if real.kind == "class":
        return _classes(labels, real.classes)
    if real.kind == "score":
        return _scores(labels.reshape(len(labels)), levels)
    if real.kind == "vector":
        return _vectors(labels, real.counts)
    raise ThrongError("the training set has no labels: nothing can be asked for")


def expected_people(asked: Asked, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the people that each of the K labels stands for (K,), and each of the real images' values (N,).

    Of a class, the mean of its images' ``counts`` (N,); of a score, the isotonic regression of counts on scores, flat
    beyond its ends. NaN where a class has no image.
    """
    counts = np.asarray(counts, np.float64)
    if asked.kind != "score":
        sums = np.bincount(asked.group, counts, minlength=len(asked.values))
        sizes = np.bincount(asked.group, minlength=len(asked.values))
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
        return means, means[asked.group]
    from scipy.optimize import isotonic_regression

    different, place = np.unique(asked.own, return_inverse=True)
    sizes = np.bincount(place)
    fitted = isotonic_regression(np.bincount(place, counts) / sizes, weights=sizes).x
    return np.interp(asked.values, different, fitted), fitted[place]


def _classes(labels: np.ndarray, names: Sequence[str]) -> Asked:
    group = labels.reshape(len(labels)).astype(int)
    number = max(len(names), int(group.max(initial=-1)) + 1)
    if number < 2:
        raise ThrongError("the training set has one class: no other density can be asked for")
    named = tuple(names) if len(names) == number else tuple(map(str, range(number)))
    values = np.arange(number, dtype=np.float64)
    return Asked("class", values, values, named, group.astype(np.float64), group)


def _scores(scores: np.ndarray, levels: int) -> Asked:
    # from the 5th to the 95th percentile: beyond them hardly a real image says what is right
    values = np.unique(np.quantile(scores, np.linspace(0.05, 0.95, levels)))
    if len(values) < 2:
        raise ThrongError(f"nearly all scores of the training set are {values[0]:g}: no other density can be asked for")
    group = np.searchsorted((values[1:] + values[:-1]) / 2, scores)
    return Asked("score", values, values, tuple(f"{value:.4g}" for value in values), scores, group)


def _vectors(labels: np.ndarray, counts: np.ndarray | None) -> Asked:
    different, group = np.unique(labels.reshape(len(labels), -1), axis=0, return_inverse=True)
    group = group.reshape(len(labels))
    if not 2 <= len(different) <= MOST_VECTORS:
        raise ThrongError(
            f"the labels are {len(different)} different vectors; from 2 to {MOST_VECTORS} of them can be asked for"
        )
    if counts is None:
        raise ThrongError("the labels are vectors of images whose counts nobody knows: which asks for more is unknown")
    means = np.bincount(group, np.asarray(counts, np.float64)) / np.bincount(group)
    order = np.argsort(means, kind="stable")
    place = np.argsort(order)[group]
    values = np.arange(len(order), dtype=np.float64)
    names = tuple("(" + ", ".join(f"{part:g}" for part in different[one]) + ")" for one in order.tolist())
    return Asked("vector", different[order], values, names, place.astype(np.float64), place)
