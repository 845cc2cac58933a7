"""All distances between the features of real and of generated images, with their intervals.

Source: :mod:`throng.gan.metrics.distances`, whose parts this calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.gan.metrics.distances import (
    along_label,
    around,
    by_class,
    frechet_infinity,
    frechet_of,
    frechet_resamples,
    kernel_distance,
    precision_recall,
)

# Extrapolation needs so many images per feature.
PER_FEATURE = 4


@dataclass(frozen=True)
class Options:
    """How distances are measured.

    ``resamples`` are bootstrap draws for intervals (0: none); ``neighbours`` is k of precision and recall; ``windows``
    are the centres of sliding distances.
    """

    resamples: int = 100
    neighbours: int = 3
    windows: int = 10
    seed: int = 0


def distances(
    real: np.ndarray, fake: np.ndarray, labels: np.ndarray, asked: np.ndarray, kind: str, options: Options
) -> dict[str, Any]:
    """Return the distances of generated features (N2, D) from real ones (N1, D), as JSON-ready values.

    ``labels`` (N1,) or (N1, L) are the real images', ``asked`` the generated ones', of ``kind`` "none", "class",
    "score" or "vector". The keys are ``frechet``, ``kernel``, ``frechet_infinity``, ``precision``, ``recall``,
    ``within_classes`` and ``along_score``; what cannot be measured is None. Raises ThrongError for fewer than two
    images of a kind, and for features that are not finite.
    """
    frechet = frechet_of(real, fake)
    draws = frechet_resamples(real, fake, resamples=options.resamples, seed=options.seed)
    kernel = kernel_distance(real, fake, resamples=options.resamples, seed=options.seed)

    def kernel_of(one: np.ndarray, other: np.ndarray) -> float:
        return kernel_distance(one, other, seed=options.seed).value

    measures = {"frechet": frechet_of, "kernel": kernel_of}
    sides = real, labels, fake, asked
    row: dict[str, Any] = {
        "frechet": {"value": frechet, "interval": around(frechet, draws)},
        "kernel": {"value": kernel.value, "interval": kernel.interval, "estimate": kernel.estimate},
        "frechet_infinity": _infinity(real, fake, options),
        **_precision_recall(real, fake, options),
        "within_classes": None,
        "along_score": None,
    }
    if kind == "class":
        row["within_classes"] = {name: by_class(*sides, measure) for name, measure in measures.items()}
    if kind == "score":
        windows = options.windows
        row["along_score"] = {name: along_label(*sides, one, centres=windows) for name, one in measures.items()}
    return row


def _infinity(real: np.ndarray, fake: np.ndarray, options: Options) -> float | None:
    if min(len(real), len(fake)) < PER_FEATURE * real.shape[1]:
        return None
    return frechet_infinity(real, fake, seed=options.seed)


def _precision_recall(real: np.ndarray, fake: np.ndarray, options: Options) -> dict[str, Any]:
    if min(len(real), len(fake)) <= options.neighbours:
        return {"precision": None, "recall": None}
    found = precision_recall(real, fake, k=options.neighbours)
    return {
        "precision": {"value": found.precision, "interval": found.precision_interval},
        "recall": {"value": found.recall, "interval": found.recall_interval},
    }
