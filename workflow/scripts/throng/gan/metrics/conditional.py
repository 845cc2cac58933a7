"""Distances within classes and along a continuous label: is each density good, not only their mixture?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from throng.errors import ThrongError

Distance = Callable[[np.ndarray, np.ndarray], float]


def by_class(
    real: np.ndarray, real_classes: np.ndarray, fake: np.ndarray, fake_classes: np.ndarray, distance: Distance
) -> dict[str, Any]:
    """Return the mean of ``distance`` over classes, and per class its value and numbers of images.

    A class with fewer than two images on either side has no value and is left out of the mean, which is None when all
    are. Source: Miyato and Koyama, "cGANs with projection discriminator", ICLR 2018, section 4 (intra FID).
    """
    _check(real, real_classes)
    _check(fake, fake_classes)
    rows: dict[str, Mapping[str, float | int | None]] = {}
    for number in np.unique(np.concatenate([real_classes, fake_classes])):
        rows[f"{number:g}"] = _row(real[real_classes == number], fake[fake_classes == number], distance)
    return {"mean": _mean(rows), "classes": rows}


def along_label(
    real: np.ndarray,
    real_scores: np.ndarray,
    fake: np.ndarray,
    fake_scores: np.ndarray,
    distance: Distance,
    *,
    centres: int = 10,
    radius: float | None = None,
) -> dict[str, Any]:
    """Return the mean of ``distance`` over windows that slide along a score (sliding Frechet distance), and each.

    ``centres`` are spread evenly over the real scores' range; a window holds the images whose score is at most
    ``radius`` away, by default the distance of two centres. Windows with fewer than two images on either side have no
    value. Source: Ding et al., "CcGAN: continuous conditional generative adversarial networks for image generation",
    ICLR 2021, section 5 (SFID).
    """
    _check(real, real_scores)
    _check(fake, fake_scores)
    if centres < 1:
        raise ThrongError(f"a sliding distance needs 1 centre at least, not {centres}")
    low, high = float(real_scores.min()), float(real_scores.max())
    reach = (high - low) / centres if radius is None else radius
    middle = low + (high - low) * (np.arange(centres) + 0.5) / centres
    rows = {}
    for centre in middle:
        near = [np.abs(scores - centre) <= reach for scores in (real_scores, fake_scores)]
        rows[f"{centre:.6g}"] = _row(real[near[0]], fake[near[1]], distance)
    return {"mean": _mean(rows), "radius": reach, "centres": rows}


def _row(real: np.ndarray, fake: np.ndarray, distance: Distance) -> Mapping[str, float | int | None]:
    enough = min(len(real), len(fake)) > 1
    return {"value": distance(real, fake) if enough else None, "real": len(real), "fake": len(fake)}


def _mean(rows: Mapping[str, Mapping[str, float | int | None]]) -> float | None:
    values = [row["value"] for row in rows.values() if row["value"] is not None]
    return float(np.mean(values)) if values else None


def _check(features: np.ndarray, labels: np.ndarray) -> None:
    if len(features) != len(labels) or np.ndim(labels) != 1:
        raise ThrongError(f"{len(features)} images need one label each, not labels of shape {np.shape(labels)}")
    if len(labels) == 0:
        raise ThrongError("no images to compare: give some on each side")
