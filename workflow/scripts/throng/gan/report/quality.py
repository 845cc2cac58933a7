"""Figures of quality by one extractor's features: distances, precision and recall, and each density by itself.

Sources: see the modules of :mod:`throng.gan.metrics`; this one calls them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.errors import ThrongError
from throng.gan.metrics.distances import (
    along_label,
    around,
    by_class,
    frechet_distance,
    frechet_infinity,
    frechet_resamples,
    kernel_distance,
    moments_of,
    precision_recall,
)
from throng.gan.metrics.features import Extractor

Record = dict[str, Any]


@dataclass(frozen=True)
class Features:
    """Features (N, D) of one kind of images, and their labels: (N,) class numbers or scores, (N, K) otherwise."""

    values: np.ndarray
    labels: np.ndarray


def measure(
    name: str, extractor: Extractor, real: Features, fake: Features, kind: str, *, k: int, resamples: int, seed: int
) -> Record:
    """Return distances of generated from real images by an extractor's features, with 95 % intervals.

    ``kind`` of label is class, score, vector or none. Raises ThrongError for too few images, and for features that are
    not finite.
    """
    value = frechet_distance(moments_of(real.values), moments_of(fake.values))
    drawn = frechet_resamples(real.values, fake.values, resamples=resamples, seed=seed)
    kernel = kernel_distance(real.values, fake.values, resamples=resamples, seed=seed)
    covered = precision_recall(real.values, fake.values, k=k)
    return {
        "name": name,
        "extractor": extractor.card(),
        "real_images": len(real.values),
        "generated_images": len(fake.values),
        "frechet": {"value": value, "interval": around(value, drawn), **_extrapolated(real, fake, seed)},
        "kernel": {"value": kernel.value, "interval": kernel.interval, "estimate": kernel.estimate},
        "precision": {"value": covered.precision, "interval": covered.precision_interval},
        "recall": {"value": covered.recall, "interval": covered.recall_interval},
        "by_label": _by_label(real, fake, kind),
    }


def halves(name: str, extractor: Extractor, real: Features, seed: int) -> Record:
    """Return the distances of one half of the real images from the other: what a perfect generator would have."""
    order = np.random.default_rng(seed).permutation(len(real.values))
    one, other = (np.sort(half) for half in np.array_split(order, 2))
    if len(other) < 2:
        raise ThrongError(f"{len(real.values)} real images are too few to compare halves of: give at least 4")
    halves = real.values[one], real.values[other]
    return {
        "name": name,
        "extractor": extractor.name,
        "images": [len(one), len(other)],
        "frechet": frechet_distance(moments_of(halves[0]), moments_of(halves[1])),
        "kernel": kernel_distance(*halves, seed=seed).value,
    }


def _extrapolated(real: Features, fake: Features, seed: int) -> Record:
    dim, fewest = real.values.shape[1], min(len(real.values), len(fake.values))
    if fewest < 4 * dim:
        reason = f"{4 * dim} images of each kind are needed for {dim} features, and there are {fewest}"
        return {"extrapolated": None, "not_extrapolated": reason}
    return {"extrapolated": frechet_infinity(real.values, fake.values, seed=seed), "not_extrapolated": ""}


def _by_label(real: Features, fake: Features, kind: str) -> Record | None:
    """Return kernel distances within classes, or along scores; None without either."""
    sides = (real.values, real.labels, fake.values, fake.labels)
    if kind == "class":
        return by_class(*sides, _kernel)
    return along_label(*sides, _kernel) if kind == "score" else None


def _kernel(real: np.ndarray, fake: np.ndarray) -> float:
    return kernel_distance(real, fake).value
