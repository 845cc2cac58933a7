"""Does a generator invent, or does it remember? Samples' nearest training images, held against an honest yardstick.

Held-out photographs of the same kind are as far from the training images as honest samples should be. Where none are
given, training images stand in, each with its distance to the nearest other.
Source: Meehan, Chaudhuri, Dasgupta, "A non-parametric test to detect data-copying in generative models", AISTATS 2020,
section 3 (samples' against held-out images' distances to the training set).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, share_interval
from throng.gan.metrics.neighbours import nearest

QUANTILE = 0.01
THUMBNAIL = 32


def memorisation(
    training: np.ndarray,
    samples: np.ndarray,
    held_out: np.ndarray | None = None,
    *,
    quantile: float = QUANTILE,
    shown: int = 16,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Return how many of the samples (M, D) are nearer to training images (N, D) than honest images are.

    ``threshold`` is the ``quantile`` of the yardstick's distances, those of ``held_out`` (K, D) or of training images
    to their nearest other; ``share`` are the samples at most that far from a training image, ``expected`` (the
    quantile) of an honest generator, with Clopper-Pearson ``interval``. ``nearer`` is the probability that a sample is
    nearer than the yardstick: 0.5 when honest, 1 for copies. ``copies`` counts distances of 0. ``closest`` are the
    ``shown`` samples nearest to a training image, with their distance and that image's number, nearest first. Raises
    ThrongError for no samples, too few images for a yardstick, or a quantile outside 0..1.
    """
    if not 0 < quantile < 1:
        raise ThrongError(f"the yardstick's quantile lies between 0 and 1, not at {quantile}")
    if len(samples) == 0:
        raise ThrongError("no samples to look for among the training images: draw some")
    if (held_out is None and len(training) < 2) or (held_out is not None and len(held_out) == 0):
        raise ThrongError("memorisation needs 2 training images, or held-out images, as a yardstick: give more")
    distances, images = (found[:, 0] for found in nearest(samples, training))
    if held_out is None:
        yardstick = nearest(training, training, within=True)[0][:, 0]
    else:
        yardstick = nearest(held_out, training)[0][:, 0]
    threshold = float(np.quantile(yardstick, quantile))
    share = float((distances <= threshold).mean())
    closest = np.lexsort((np.arange(len(distances)), distances))[:shown]
    return {
        "yardstick": "training images" if held_out is None else "held-out images",
        "quantile": quantile,
        "threshold": threshold,
        "share": share,
        "interval": share_interval(share, len(samples), level),
        "expected": quantile,
        "nearer": _nearer(distances, yardstick),
        "copies": int((distances == 0).sum()),
        "median": float(np.median(distances)),
        "yardstick_median": float(np.median(yardstick)),
        "closest": [
            {"sample": int(number), "training": int(images[number]), "distance": float(distances[number])}
            for number in closest
        ],
    }


def thumbnails(pixels: np.ndarray) -> np.ndarray:
    """Return (B, H, W, 3) uint8 images as (B, D) float32 levels of thumbnails, at most 32 x 32, averaged over areas.

    They are divided by the root of D, so that a distance of two is the root mean square difference in levels 0..255.
    """
    import cv2

    side = min(THUMBNAIL, *pixels.shape[1:3])
    small = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in pixels]
    flat = np.array(small, np.float32).reshape(len(pixels), -1)
    return flat / np.float32(flat.shape[1] ** 0.5)


def _nearer(distances: np.ndarray, yardstick: np.ndarray) -> float:
    """Return P(sample < yardstick) + P(equal) / 2, by ranks (Mann-Whitney)."""
    ranks = rankdata(np.concatenate([distances, yardstick]))
    below = ranks[len(distances) :].sum() - len(yardstick) * (len(yardstick) + 1) / 2
    return float(below / (len(distances) * len(yardstick)))
