"""Greedy non-maximum suppression by a sweep over boxes sorted by their left edge.

The keep set is that of the textbook procedure (Felzenszwalb et al., "Object Detection with Discriminatively Trained
Part-Based Models", PAMI 2010, section 5): take the best box, drop what overlaps it by more than a threshold, repeat. A
box can only overlap those whose left edges lie near its own, and a box that was taken or dropped is never looked at
again, so a crowd of small boxes costs a small part of the textbook's all against all.
"""

import numpy as np
from numba import njit

from throng.errors import ThrongError


def suppress(boxes: np.ndarray, scores: np.ndarray, iou: float) -> np.ndarray:
    """Return the (K,) int64 indices of the kept boxes by falling score, equal scores by index.

    ``boxes`` is (N, 4) x1, y1, x2, y2 in pixels and ``scores`` (N,), both of any real dtype, computed in float64; a
    box goes when its intersection over union with a kept, better one is above ``iou``. Boxes without area overlap
    nothing. Raises ThrongError on other shapes, on values that are not finite, on a box that ends before it begins,
    and on an ``iou`` outside 0..1.
    """
    boxes = np.ascontiguousarray(boxes, np.float64)
    scores = np.ascontiguousarray(scores, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != (len(boxes),):
        raise ThrongError(
            f"suppression needs (N, 4) boxes and one score each; got shapes {boxes.shape} and {scores.shape}"
        )
    if not 0 <= iou <= 1:
        raise ThrongError(f"an intersection over union lies in 0..1; got a threshold of {iou}")
    row = _first_wrong(boxes, scores)
    if row >= 0:
        raise ThrongError(
            f"box {row} is {boxes[row].tolist()} with score {scores[row]}: expected finite x1 <= x2 and y1 <= y2"
        )
    if len(boxes) == 0:
        return np.zeros(0, np.int64)
    by_left = np.argsort(boxes[:, 0])
    place = np.empty(len(boxes), np.int64)
    place[by_left] = np.arange(len(boxes))
    by_score = _falling(scores)
    kept = _sweep(boxes[by_left], place[by_score], float(iou))
    return by_score[kept]


def _falling(scores: np.ndarray) -> np.ndarray:
    order = np.argsort(-scores)
    ranked = scores[order]
    # the stable sort takes ten times as long and is needed for ties only
    return np.argsort(-scores, kind="stable") if (ranked[1:] == ranked[:-1]).any() else order


@njit
def _first_wrong(boxes: np.ndarray, scores: np.ndarray) -> int:
    """Return the first row that is no finite box with a finite score, -1 when all are."""
    for row in range(len(boxes)):
        x1, y1, x2, y2 = boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3]
        finite = np.isfinite(x1) and np.isfinite(y1) and np.isfinite(x2) and np.isfinite(y2)
        if not (finite and np.isfinite(scores[row]) and x1 <= x2 and y1 <= y2):
            return row
    return -1


@njit(error_model="numpy")
def _sweep(boxes: np.ndarray, order: np.ndarray, iou: float) -> np.ndarray:
    """Return which of ``order``, places in ``boxes`` (sorted by x1) by falling score, are kept, as a bool array."""
    n = len(boxes)
    # what is still to be judged, as a list linked in both directions: place p is link p + 1, both ends are sentinels
    after = np.arange(1, n + 3)
    before = np.arange(-1, n + 1)
    furthest = np.empty(n)  # right edge of the boxes up to here, so that a look to the left knows when to stop
    reach = -np.inf
    for p in range(n):
        reach = max(reach, boxes[p, 2])
        furthest[p] = reach
    judged = np.zeros(n, np.bool_)
    kept = np.zeros(n, np.bool_)
    for rank in range(n):
        p = order[rank]
        if judged[p]:
            continue
        kept[rank] = True
        judged[p] = True
        link = p + 1
        after[before[link]] = after[link]
        before[after[link]] = before[link]
        x1, y1, x2, y2 = boxes[p, 0], boxes[p, 1], boxes[p, 2], boxes[p, 3]
        area = (x2 - x1) * (y2 - y1)
        for direction in range(2):
            other = after[link] if direction == 0 else before[link]
            while 1 <= other <= n:
                q = other - 1
                if (direction == 0 and boxes[q, 0] >= x2) or (direction == 1 and furthest[q] <= x1):
                    break
                high = min(y2, boxes[q, 3]) - max(y1, boxes[q, 1])
                wide = min(x2, boxes[q, 2]) - max(x1, boxes[q, 0])
                if high > 0 and wide > 0:
                    both = wide * high
                    union = area + (boxes[q, 2] - boxes[q, 0]) * (boxes[q, 3] - boxes[q, 1]) - both
                    if both / union > iou:
                        judged[q] = True
                        after[before[other]] = after[other]
                        before[after[other]] = before[other]
                other = after[other] if direction == 0 else before[other]
    return kept
