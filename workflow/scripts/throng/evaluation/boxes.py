"""Detections against annotated boxes: recall, precision and average precision at one overlap.

Matching is greedy by falling confidence, as in PASCAL VOC (Everingham et al., IJCV 2010): a detection takes the free
person of largest overlap. One that takes nobody but lies mostly in an ignored region counts neither way, as in
CrowdHuman's protocol (Shao et al., 2018).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

IN_IGNORED = 0.5  # of a detection's own area


@dataclasses.dataclass(frozen=True)
class Matched:
    """What came of one image: per detection kept its score (N,) and whether it took a person, per person its finder.

    ``found_at`` (P,) float64 is the score of the detection that took the person, 0 where none did.
    """

    scores: np.ndarray
    hits: np.ndarray
    found_at: np.ndarray


def overlaps(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, M) intersection over union and (N, M) intersection over own area of (N, 4), (M, 4) x, y, w, h."""
    a, b = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(others, np.float64).reshape(-1, 4)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(2)
    own, other = a[:, 2:].prod(1)[:, None], b[:, 2:].prod(1)[None]
    return common / np.maximum(own + other - common, 1e-12), common / np.maximum(own, 1e-12)


def match(boxes: np.ndarray, scores: np.ndarray, people: np.ndarray, ignored: np.ndarray, iou: float = 0.5) -> Matched:
    """Match (N, 4) detections with (N,) scores to (P, 4) people, all x, y, w, h in pixels; (M, 4) are ignored."""
    scores = np.asarray(scores, np.float64)
    order = np.argsort(-scores, kind="stable")
    union, _ = overlaps(boxes, people)
    inside = overlaps(boxes, ignored)[1].max(1, initial=0.0) >= IN_IGNORED
    found_at = np.zeros(union.shape[1])
    kept: list[tuple[float, bool]] = []
    for index in order:
        free = np.where(found_at > 0, -1.0, union[index])
        best = int(free.argmax()) if len(free) else -1
        hit = best >= 0 and free[best] >= iou
        if hit:
            found_at[best] = scores[index]
        if hit or not inside[index]:
            kept.append((float(scores[index]), hit))
    return Matched(np.array([s for s, _ in kept]), np.array([h for _, h in kept], bool), found_at)


def detection_metrics(images: Sequence[Matched], confidence: float) -> dict[str, float | int | None]:
    """Return people, detections, recall and precision at ``confidence`` and above, and AP over all scores.

    AP is the area under precision over recall, each precision being the best at that recall or beyond. Ratios without
    a denominator are None.
    """
    scores = np.concatenate([image.scores for image in images]) if images else np.zeros(0)
    hits = np.concatenate([image.hits for image in images]) if images else np.zeros(0, bool)
    people = sum(len(image.found_at) for image in images)
    counted = scores >= confidence
    detections, right = int(counted.sum()), int(hits[counted].sum())
    return {
        "images": len(images),
        "people": people,
        "detections": detections,
        "recall": right / people if people else None,
        "precision": right / detections if detections else None,
        "ap": average_precision(scores, hits, people) if people else None,
    }


def average_precision(scores: np.ndarray, hits: np.ndarray, people: int) -> float:
    """Return the area under the precision envelope of (N,) scores and (N,) hits among ``people`` > 0."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * hits[order]).sum() / people)
