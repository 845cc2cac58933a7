"""Distances with names, and what a perfect generator would have.

Source: :mod:`throng.gan.metrics.comparison`, which this calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.errors import ThrongError
from throng.gan.metrics.comparison import Options, distances
from throng.gan.metrics.distances import frechet_of, kernel_distance
from throng.gan.metrics.extractor import Extractor
from throng.gan.metrics.looking import Looked

Record = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """What is kept of real or of generated images: features by extractor and thumbnails, and their labels (N, ...)."""

    looked: Looked
    labels: np.ndarray


def quality(
    name: str, extractor: Extractor, number: int, real: Side, fake: Side, kind: str, options: Options
) -> Record:
    """Return the distances of generated from real images by extractor ``number``'s features, with 95 % intervals.

    ``kind`` of label is class, score, vector or none. Raises ThrongError for too few images, and for features that are
    not finite.
    """
    features = real.looked.features[number], fake.looked.features[number]
    return {
        "name": name,
        "extractor": extractor.card(),
        "real_images": len(features[0]),
        "generated_images": len(features[1]),
        **distances(*features, real.labels, fake.labels, kind, options),
    }


def halves(name: str, features: np.ndarray, *, seed: int) -> Record:
    """Return the distances of one half of the real images from the other: what a perfect generator would have.

    ``features`` are (N, D) of real images. Raises ThrongError for fewer than four.
    """
    if len(features) < 4:
        raise ThrongError(f"{len(features)} real images are too few to compare halves of: give at least 4")
    order = np.random.default_rng(seed).permutation(len(features))
    one, other = (features[np.sort(half)] for half in np.array_split(order, 2))
    return {
        "name": name,
        "images": [len(one), len(other)],
        "frechet": frechet_of(one, other),
        "kernel": kernel_distance(one, other, seed=seed).value,
    }
