"""Does a generator invent, or does it remember? Samples' nearest training images, held against an honest yardstick.

A sample is suspicious when one training image is much nearer to it than the next ones: a mere distance would accuse
dull pictures, which are near to everything. Held-out photographs of the same kind say how near is honest; where none
are given, training images stand in, each among the others.
Source: Carlini et al., "Extracting training data from diffusion models", USENIX Security 2023, section 5.1 (the
distance over the mean of the nearest); Meehan, Chaudhuri, Dasgupta, "A non-parametric test to detect data-copying in
generative models", AISTATS 2020, section 3 (held-out images as the yardstick).
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
NEIGHBOURHOOD = 50
# With two others, one can be nearer.
FEWEST = 3


def memorisation(
    training: np.ndarray,
    samples: np.ndarray,
    held_out: np.ndarray | None = None,
    *,
    quantile: float = QUANTILE,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Return how many of the samples (M, D) are nearer to one training image (N, D) than honest images are.

    :func:`nearness` says how near. ``threshold`` is the ``quantile`` of the yardstick's nearness, of ``held_out``
    (K, D) or of training images among the others; ``share`` are the samples at or below it, with Clopper-Pearson
    ``interval``, ``expected`` (the quantile) of an honest generator. ``nearer`` is the probability that a sample is
    nearer than the yardstick: 0.5 when honest, 1 for copies. ``median`` and ``yardstick_median`` are of nearness,
    ``neighbourhood`` is the number of images that it is relative to, ``copies`` counts distances of 0. Raises
    ThrongError for no samples, too few images, or a quantile outside 0..1.
    """
    if not 0 < quantile < 1:
        raise ThrongError(f"the yardstick's quantile lies between 0 and 1, not at {quantile}")
    if len(samples) == 0:
        raise ThrongError("no samples to look for among the training images: draw some")
    if len(training) < FEWEST or (held_out is not None and len(held_out) == 0):
        raise ThrongError(f"memorisation needs {FEWEST} training images at least, not {len(training)}, and a yardstick")
    near, distances, _ = nearness(samples, training)
    among = held_out is None
    yardstick = nearness(training, training, within=True)[0] if among else nearness(held_out, training)[0]
    threshold = float(np.quantile(yardstick, quantile))
    share = float((near <= threshold).mean())
    return {
        "yardstick": "training images" if among else "held-out images",
        "quantile": quantile,
        "threshold": threshold,
        "share": share,
        "interval": share_interval(share, len(samples), level),
        "expected": quantile,
        "nearer": _nearer(near, yardstick),
        "copies": int((distances == 0).sum()),
        "median": float(np.median(near)),
        "yardstick_median": float(np.median(yardstick)),
        "neighbourhood": _neighbourhood(training),
    }


def nearness(
    queries: np.ndarray, training: np.ndarray, *, within: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return nearness, distance and number of the nearest training image (N, D) of each query (M, D), each (M,).

    Nearness is the distance to the nearest over the mean distance to the nearest 50 (all but one, when fewer): 0 for a
    copy, 1 when none stands out. With ``within`` the queries are the training images, each among the others.
    """
    distances, images = nearest(queries, training, _neighbourhood(training), within=within)
    mean = distances.mean(1)
    return np.where(mean > 0, distances[:, 0] / np.where(mean > 0, mean, 1), 0.0), distances[:, 0], images[:, 0]


def thumbnails(pixels: np.ndarray) -> np.ndarray:
    """Return (B, H, W, 3) uint8 images as (B, D) float32 levels of thumbnails, at most 32 x 32, averaged over areas.

    They are divided by the root of D, so that a distance of two is the root mean square difference in levels 0..255.
    """
    import cv2

    side = min(THUMBNAIL, *pixels.shape[1:3])
    small = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in pixels]
    flat = np.array(small, np.float32).reshape(len(pixels), -1)
    return flat / np.float32(flat.shape[1] ** 0.5)


def _neighbourhood(training: np.ndarray) -> int:
    # as many for samples as for training images, which are none of their own neighbours
    return min(NEIGHBOURHOOD, len(training) - 1)


def _nearer(samples: np.ndarray, yardstick: np.ndarray) -> float:
    """Return P(sample < yardstick) + P(equal) / 2, by ranks (Mann-Whitney)."""
    ranks = rankdata(np.concatenate([samples, yardstick]))
    below = ranks[len(samples) :].sum() - len(yardstick) * (len(yardstick) + 1) / 2
    return float(below / (len(samples) * len(yardstick)))
