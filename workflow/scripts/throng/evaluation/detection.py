"""How well people are found: recall, precision, average precision, and how well masks and head points are met.

A detection is right when it overlaps an annotated person that no better one has taken; each person is found once. Best
first, every detection takes the free person it overlaps most (Everingham et al., "The PASCAL Visual Object Classes
Challenge", IJCV 2010, section 4.2). One that takes nobody but lies mostly in an ignored region counts neither way, as
in CrowdHuman's protocol (Shao et al., 2018). Average precision is the area below the precision-recall curve with the
precision made non-increasing, over all points of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError

IN_IGNORED = 0.5  # of a detection's own area


@dataclass(frozen=True)
class Matched:
    """The detections of one image, (N,) ``scores`` and the person each took, -1 for none, and how many there are."""

    scores: np.ndarray
    taken: np.ndarray
    people: int

    @property
    def found_at(self) -> np.ndarray:
        """The (people,) float64 scores of the detections that took each person, 0 where none did."""
        found = np.zeros(self.people)
        found[self.taken[self.taken >= 0]] = self.scores[self.taken >= 0]
        return found


@dataclass(frozen=True)
class DetectionErrors:
    """Recall and precision of all that was detected at some confidence, and the average precision over every one.

    ``recall`` and ``average_precision`` are None without any annotated person, ``precision`` without any detection.
    """

    images: int
    people: int
    detections: int
    recall: float | None
    precision: float | None
    average_precision: float | None


def box_iou(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the (N, M) float64 intersections over union of (N, 4) and (M, 4) boxes x, y, w, h in pixels.

    Boxes without area overlap nothing.
    """
    a, b = _boxes(some), _boxes(others)
    both = _common(a, b)
    union = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None] - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def _common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    return (high - low).clip(min=0).prod(axis=2)


def _inside(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Return the (N,) largest shares of (N, 4) boxes' own areas that lie in one of (K, 4) regions."""
    a = _boxes(boxes)
    return _common(a, _boxes(regions)).max(axis=1, initial=0.0) / np.maximum(a[:, 2:].prod(axis=1), 1e-12)


def mask_iou(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two (H, W) bool masks; 0 when both are empty."""
    if one.shape != other.shape:
        raise ThrongError(f"masks of one image have one size; got {one.shape} and {other.shape}")
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 0.0


def match_boxes(
    boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray, iou: float = 0.5, ignored: np.ndarray | None = None
) -> Matched:
    """Match (N, 4) detected to (M, 4) annotated boxes of one image, x, y, w, h in pixels, at least ``iou`` alike.

    Detections that match nobody and lie in one of the (K, 4) ``ignored`` regions are left out. Raises ThrongError on
    shapes that do not fit or values that are not finite.
    """
    alike = box_iou(boxes, truth)
    matched = _match(np.where(alike >= iou, alike, 0.0), scores)
    if ignored is None:
        return matched
    counts = (matched.taken >= 0) | (_inside(boxes, ignored) < IN_IGNORED)
    return Matched(matched.scores[counts], matched.taken[counts], matched.people)


def match_heads(boxes: np.ndarray, scores: np.ndarray, heads: np.ndarray, share: float = 1 / 3) -> Matched:
    """Match (N, 4) detected boxes of one image to (M, 2) annotated head points in pixels.

    A box can only take a head that lies in the uppermost ``share`` of its height; of those, the one nearest to the
    middle of its width and of that share of its height, in units of the box. This is a lenient stand-in where a
    source has no boxes. Raises as :func:`match_boxes` does.
    """
    rows = _boxes(boxes)
    points = np.asarray(heads, np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ThrongError("a head point is not finite")
    size = np.maximum(rows[:, 2:], 1e-9)[:, None]
    at = (points[None] - rows[:, None, :2]) / size
    inside = (at >= 0).all(2) & (at[..., 0] <= 1) & (at[..., 1] <= share)
    far = np.hypot(at[..., 0] - 0.5, at[..., 1] - share / 2)
    return _match(np.where(inside, 1 / (1 + far), 0.0), scores)


def detection_errors(images: Sequence[Matched], confidence: float = 0.0) -> DetectionErrors:
    """Return the errors over the matched images, recall and precision of detections of at least that ``confidence``.

    Raises ThrongError when there are no images.
    """
    if not images:
        raise ThrongError("detections are judged on at least one image")
    scores = np.concatenate([image.scores for image in images])
    right = np.concatenate([image.taken >= 0 for image in images])
    people = sum(image.people for image in images)
    sure = scores >= confidence
    detections, found = int(np.count_nonzero(sure)), int(np.count_nonzero(right & sure))
    return DetectionErrors(
        images=len(images),
        people=people,
        detections=detections,
        recall=found / people if people else None,
        precision=found / detections if detections else None,
        average_precision=_average_precision(scores, right, people) if people else None,
    )


def _match(gain: np.ndarray, scores: np.ndarray) -> Matched:
    """Let every detection, best first, take the free person with the greatest (N, M) gain above 0."""
    ranks = np.asarray(scores, np.float64)
    if ranks.shape != (len(gain),) or not np.isfinite(ranks).all():
        raise ThrongError(f"{len(gain)} detections need one finite score each; got {ranks.shape}")
    free = gain.copy()
    taken = np.full(len(gain), -1)
    if free.shape[1]:
        for detection in np.argsort(-ranks, kind="stable"):
            person = int(free[detection].argmax())
            if free[detection, person] > 0:
                taken[detection] = person
                free[:, person] = 0
    return Matched(ranks, taken, gain.shape[1])


def _average_precision(scores: np.ndarray, right: np.ndarray, people: int) -> float:
    if not len(scores):
        return 0.0
    order = np.argsort(-scores, kind="stable")
    # detections of equal confidence pass any threshold together
    last = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(right[order])[last]
    precision = hits / (np.flatnonzero(last) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(hits / people, prepend=0) * best))


def _boxes(values: np.ndarray) -> np.ndarray:
    boxes = np.asarray(values, np.float64).reshape(-1, 4)
    wrong = ~(np.isfinite(boxes).all(1) & (boxes[:, 2:] >= 0).all(1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ThrongError(f"box {row} is {boxes[row].tolist()}: expected finite x, y, w, h with w and h of at least 0")
    return boxes
