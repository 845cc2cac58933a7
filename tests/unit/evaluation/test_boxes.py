import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.evaluation.boxes import average_precision, detection_metrics, match, overlaps

NOBODY = np.zeros((0, 4))
BOX = st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 12)] * 2)
SCORED = st.lists(st.tuples(BOX, st.integers(1, 99)), max_size=6)


def painted_iou(a, b) -> float:
    canvas = np.zeros((2, 40, 40), bool)
    for plane, (x, y, w, h) in zip(canvas, (a, b), strict=True):
        plane[y : y + h, x : x + w] = True
    return canvas.all(0).sum() / canvas.any(0).sum()


@given(BOX, BOX)
def test_overlap_of_whole_pixels_is_that_of_painted_boxes(a, b):
    union, inside = overlaps(np.array([a]), np.array([b]))
    assert union[0, 0] == pytest.approx(painted_iou(a, b))
    assert inside[0, 0] == pytest.approx(union[0, 0] * (a[2] * a[3] + b[2] * b[3]) / (1 + union[0, 0]) / (a[2] * a[3]))


@given(SCORED, st.lists(BOX, max_size=5))
def test_a_person_is_found_once_and_a_detection_finds_one(detections, people):
    boxes, scores = np.array([b for b, _ in detections]), np.array([s / 100 for _, s in detections])
    matched = match(boxes, scores, np.array(people), NOBODY)
    assert matched.hits.sum() == (matched.found_at > 0).sum()
    assert sorted(matched.scores[matched.hits]) == sorted(matched.found_at[matched.found_at > 0])
    assert len(matched.scores) == len(detections)


@given(SCORED, st.lists(BOX, max_size=5), st.integers(1, 99))
def test_leaving_out_the_unsure_first_or_last_is_the_same(detections, people, limit):
    def measured(chosen):
        boxes, scores = np.array([b for b, _ in chosen]), np.array([s / 100 for _, s in chosen])
        figures = detection_metrics([match(boxes, scores, np.array(people), NOBODY)], limit / 100)
        return figures["detections"], figures["recall"], figures["precision"]

    assert measured(detections) == measured([(b, s) for b, s in detections if s >= limit])


def test_a_second_detection_of_one_person_is_wrong():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]])
    figures = detection_metrics([match(boxes, np.array([0.5, 0.9]), np.array([[0, 0, 10, 10]]), NOBODY)], 0.3)
    assert (figures["recall"], figures["precision"], figures["ap"]) == (1.0, 0.5, 1.0)


def test_a_detection_in_an_ignored_region_counts_neither_way_unless_it_finds_somebody():
    people, ignored = np.array([[0, 0, 10, 10]]), np.array([[0, 0, 100, 100]])
    boxes = np.array([[0, 0, 10, 10], [50, 50, 10, 10], [95, 95, 20, 20]])
    figures = detection_metrics([match(boxes, np.array([0.9, 0.8, 0.7]), people, ignored)], 0.3)
    assert (figures["detections"], figures["recall"], figures["precision"]) == (2, 1.0, 0.5)


@pytest.mark.parametrize("hits", list(itertools.product([False, True], repeat=4)))
def test_average_precision_is_the_mean_over_people_of_the_best_precision_from_there_on(hits):
    hits, people = np.array(hits), 5
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    precisions = [hits[: n + 1].mean() for n in range(4)]
    expected = sum(max(precisions[n:]) for n in range(4) if hits[n]) / people
    assert average_precision(scores, hits, people) == pytest.approx(expected)


def test_ratios_without_a_denominator_are_none():
    nothing = detection_metrics([match(NOBODY, np.zeros(0), NOBODY, NOBODY)], 0.3)
    assert (nothing["recall"], nothing["precision"], nothing["ap"]) == (None, None, None)
    blind = detection_metrics([match(NOBODY, np.zeros(0), np.array([[0, 0, 5, 5]]), NOBODY)], 0.3)
    assert (blind["recall"], blind["precision"], blind["ap"]) == (0.0, None, 0.0)
