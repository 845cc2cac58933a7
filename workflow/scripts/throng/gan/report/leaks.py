"""Which augmentations show in what a generator draws, of those that its file says its discriminator saw through.

Source: :mod:`throng.gan.augmentation.leak`, which this calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from throng.gan.augmentation import Options
from throng.gan.augmentation.leak import FEWEST, SKILL, Leak, measure_leaks
from throng.gan.conditioning.real_images import by_hash, stacked
from throng.gan.metrics.drawing import drawn, labels_like
from throng.gan.pixels import to_images

if TYPE_CHECKING:
    from throng.gan.data import TrainingSet
    from throng.gan.files import StoredGenerator

Record = dict[str, Any]


def unmeasurable(recipe: Mapping[str, Any], images: int) -> str:
    """Return why nothing can be said of leaks, given a generator's recipe and its number of training images, or ""."""
    augment = recipe.get("augment")
    if not isinstance(augment, Mapping):
        why = "its file does not say under which it was trained"
    elif not _options(augment).names or not _ever(augment["strength"]):
        why = "it was trained without any"
    elif images < FEWEST:
        why = f"{images} training images are too few, at least {FEWEST} are needed"
    else:
        return ""
    return f"Whether augmentations show in this generator's images is not measured: {why}."


def leaks(stored: StoredGenerator, images: TrainingSet, section: Any, drawing: Mapping[str, Any]) -> Record:
    """Return what leaked of each transform of a generator's recipe: ``share`` is None where it cannot be told.

    ``section`` says how many ``photographs``, ``images`` and ``steps``, ``drawing`` how images are drawn. Raises
    ThrongError where :func:`unmeasurable` says why.
    """
    seed = drawing["seed"]
    photographs = _photographs(images, section.photographs, mirror=bool(stored.recipe.get("mirror")), seed=seed)
    labels = labels_like(images.labels, section.images, seed=seed)
    pixels = np.concatenate(list(drawn(stored.generator, stored.encoding, labels, **drawing)))
    real, fake = (side.to(drawing["device"]) for side in (photographs, to_images(torch.from_numpy(pixels))))
    found = measure_leaks(real, fake, _options(stored.recipe["augment"]), seed=seed, steps=section.steps)
    return {
        "photographs": len(photographs),
        "images": len(pixels),
        "least_skill": SKILL,
        "transforms": [_row(one) for one in found],
    }


def _photographs(images: TrainingSet, number: int, *, mirror: bool, seed: int) -> Tensor:
    """Return the first ``number`` training images by hash; every second one mirrored where training did so."""
    chosen = to_images(torch.from_numpy(stacked(images, by_hash(images.ids, seed)[:number])))
    if mirror:
        chosen[::2] = chosen[::2].flip(-1)
    return chosen


def _options(augment: Mapping[str, Any]) -> Options:
    return Options(augment["set"], augment["multipliers"], augment["strengths"])


def _ever(strength: Mapping[str, Any]) -> bool:
    """Return whether the probability of augmentation may have been above 0."""
    return strength["kind"] == "adaptive" or any(strength.get(key, 0) > 0 for key in ("p", "start", "end"))


def _row(one: Leak) -> Record:
    share = None if one.share is None else {"value": one.share, "interval": [one.low, one.high]}
    return {"name": one.transform, "skill": one.skill, "share": share}
