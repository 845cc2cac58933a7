"""Same scene, other density: how much of a scene stays when a label is swept under the same random numbers.

Source: own. A picture may change where people come and go: the ``changed`` share of its
pixels that differ most is set aside, and what differs in the rest is held against two scenes of one label, which have
nothing in common but the generator. 0: the scene is the same; 1: it is another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from throng.gan.conditioning.obedience import interval

Describe = Callable[[np.ndarray], np.ndarray]
BINS = 6
Record = dict[str, Any]


def preservation(
    pixels: np.ndarray,
    counted: np.ndarray,
    *,
    changed: float,
    describe: Describe,
    draws: int,
    random: np.random.Generator,
) -> Record:
    """Return how far scenes drift from label to label, in pixels and in features, against the change of counts.

    ``pixels`` (S, K, R, R, 3) uint8 are S scenes under K labels in rising order, ``counted`` (S, K) the people that a
    judge sees in them; ``describe`` returns (B, D) features of (B, R, R, 3) uint8. ``pairs`` has a record per pair of
    labels, ``curve`` one per bin of the change of counts, ``kept`` is 1 - drift from the first label to the last, with
    a bootstrap interval over scenes. Needs S >= 2 and K >= 2.
    """
    scenes, labels = counted.shape
    known = [describe(pixels[:, label]).astype(np.float64) for label in range(labels)]

    def apart(first: int, others: np.ndarray) -> np.ndarray:
        return _distances(pixels[:, first], others, known[first], changed, describe)

    strangers = np.stack([apart(label, np.roll(pixels[:, label], 1, axis=0)) for label in range(labels)])
    unit = np.maximum(strangers.mean((0, 1)), 1e-12)  # (2,): pixels, features
    found: list[Record] = []
    drifts, gaps = [], []
    for first in range(labels):
        for last in range(first + 1, labels):
            distances = apart(first, pixels[:, last])
            gap = counted[:, last] - counted[:, first]
            drifts.append(distances / unit)
            gaps.append(gap)
            record: Record = {"first": first, "last": last, "more_people": float(gap.mean())}
            found.append(record | _drift(distances / unit) | {"grey_levels": float(distances[:, 0].mean())})
    whole = drifts[labels - 2]  # the pair of the first label and the last
    times = random.multinomial(scenes, np.full(scenes, 1 / scenes), draws) / scenes
    kept = 1 - times @ whole
    return {
        "scenes": scenes,
        "changed": changed,
        "strangers_grey_levels": float(unit[0]),
        "pairs": found,
        "curve": _curve(np.concatenate(drifts), np.concatenate(gaps)),
        "kept": {
            name: {"value": float(1 - whole[:, place].mean()), "interval": interval(kept[:, place])}
            for place, name in enumerate(("pixels", "features"))
        },
    }


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the (H, W) float32 mean absolute difference of the channels of two uint8 images, grey levels."""
    return np.abs(first.astype(np.float32) - second.astype(np.float32)).mean(-1)


def _distances(
    first: np.ndarray, second: np.ndarray, described: np.ndarray, changed: float, describe: Describe
) -> np.ndarray:
    """Return (S, 2): mean grey levels and features' distance between (S, R, R, 3) images outside what changed most.

    ``described`` (S, D) are the features of ``first``; the second's are taken with the first's pixels where it changed.
    """
    apart = np.stack([difference(one, other) for one, other in zip(first, second, strict=True)])
    side = max(3, apart.shape[1] // 16 | 1)
    smooth = np.stack([cv2.blur(one, (side, side), borderType=cv2.BORDER_REFLECT) for one in apart])
    flat = smooth.reshape(len(smooth), -1)
    # people are regions, not pixels: what is set aside is chosen after blurring
    kept = np.argsort(flat, axis=1, kind="stable")[:, : max(1, round((1 - changed) * flat.shape[1]))]
    grey = np.take_along_axis(apart.reshape(flat.shape), kept, axis=1).mean(1)
    aside = np.ones(flat.shape, bool)
    np.put_along_axis(aside, kept, False, axis=1)
    without = np.where(aside.reshape(apart.shape)[..., None], first, second)
    features = np.linalg.norm(described - describe(without).astype(np.float64), axis=1)
    return np.stack([grey.astype(np.float64), features], 1)


def _drift(relative: np.ndarray) -> Record:
    return {"pixels": float(relative[:, 0].mean()), "features": float(relative[:, 1].mean())}


def _curve(drifts: np.ndarray, gaps: np.ndarray) -> list[Record]:
    """Return mean drifts in bins of equally many changes of counts, by how much they change."""
    size = np.abs(gaps)
    order = np.argsort(size, kind="stable")
    return [
        {"pairs": len(part), "change": float(size[part].mean()), **_drift(drifts[part])}
        for part in np.array_split(order, min(BINS, len(order)))
    ]
