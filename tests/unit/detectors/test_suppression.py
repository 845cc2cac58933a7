"""Our suppression keeps exactly what the textbook's greedy procedure keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.detectors.suppression import suppress
from throng.errors import ThrongError


def textbook(boxes: np.ndarray, scores: np.ndarray, iou: float) -> list[int]:
    """Take the best box, drop what overlaps it, repeat: one pair at a time, in plain floats."""
    left = sorted(range(len(boxes)), key=lambda i: (-float(scores[i]), i))
    kept = []
    while left:
        best, *left = left
        kept.append(best)
        left = [i for i in left if not overlap(boxes[best].tolist(), boxes[i].tolist()) > iou]
    return kept


def overlap(a: list[float], b: list[float]) -> float:
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
    return wide * high / union if union else 0.0


def corners(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([starts, starts + sizes], axis=1)


@st.composite
def crowds(draw):
    """Boxes on a coarse grid or anywhere, with duplicates, zero areas, and ties of the score."""
    count = draw(st.integers(0, 40))
    on_grid = draw(st.booleans())
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    starts, sizes = random.uniform(-30, 30, (count, 2)), random.uniform(0, 25, (count, 2))
    if on_grid:
        starts, sizes = starts.round(-1), sizes.round(-1)
    boxes = corners(starts, sizes)
    if count > 3:
        boxes[random.integers(count, size=count // 3)] = boxes[random.integers(count)]
        boxes[random.integers(count)] *= 3  # one that reaches across the others
    scores = random.choice([0.3, 0.5, 0.9], count) if draw(st.booleans()) else random.uniform(0, 1, count)
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return boxes.astype(dtype), scores.astype(dtype)


@settings(max_examples=300, deadline=None)
@given(crowds(), st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.7, 1.0]))
def test_the_keep_set_is_the_textbooks(crowd, iou):
    boxes, scores = crowd
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    assert suppress(boxes, scores, iou).tolist() == textbook(boxes.astype(float), scores, iou)


def test_a_dense_crowd_too():
    random = np.random.default_rng(2)
    boxes = corners(random.uniform(0, 500, (2000, 2)), random.lognormal(3, 0.5, (2000, 2)))
    scores = random.uniform(0.1, 1, 2000).round(2)
    assert suppress(boxes, scores, 0.5).tolist() == textbook(boxes, scores, 0.5)


@pytest.mark.parametrize(
    ("boxes", "scores", "iou", "kept"),
    [
        ([[0, 0, 10, 10], [0, 0, 10, 10]], [0.5, 0.5], 0.99, [0]),  # a tie goes to the first
        ([[0, 0, 10, 10], [5, 0, 15, 10]], [0.2, 0.3], 0.3, [1]),
        ([[0, 0, 10, 10], [5, 0, 15, 10]], [0.2, 0.3], 1 / 3, [1, 0]),  # exactly the threshold stays
        ([[0, 0, 10, 10], [10, 0, 20, 10]], [0.2, 0.3], 0.0, [1, 0]),  # neighbours that touch
        ([[3, 3, 3, 3], [3, 3, 3, 3]], [0.2, 0.3], 0.0, [1, 0]),  # no area overlaps nothing
    ],
)
def test_known_answers(boxes, scores, iou, kept):
    assert suppress(np.array(boxes), np.array(scores), iou).tolist() == kept


@pytest.mark.parametrize(
    ("boxes", "scores", "iou", "message"),
    [
        (np.zeros((2, 3)), np.zeros(2), 0.5, "needs .N, 4. boxes"),
        (np.zeros((2, 4)), np.zeros(3), 0.5, "one score each"),
        (np.array([[0, 0, np.nan, 1]]), np.zeros(1), 0.5, "box 0 is"),
        (np.array([[0, 0, 1, 1], [2, 0, 1, 1]]), np.zeros(2), 0.5, "box 1 is"),
        (np.zeros((1, 4)), np.array([np.inf]), 0.5, "box 0 is"),
        (np.zeros((1, 4)), np.zeros(1), 1.5, "a threshold of 1.5"),
    ],
)
def test_what_is_no_box_is_one_sentence(boxes, scores, iou, message):
    with pytest.raises(ThrongError, match=message):
        suppress(boxes, scores, iou)
