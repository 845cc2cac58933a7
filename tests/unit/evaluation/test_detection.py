"""Detections against annotated people: known answers, an exhaustive oracle, and bounds that must hold."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.evaluation.detection import (
    Matched,
    box_iou,
    detection_errors,
    mask_iou,
    match_boxes,
    match_heads,
)

numbers = st.integers(0, 2**32 - 1)


def crowd(random: np.random.Generator, count: int) -> np.ndarray:
    return np.concatenate([random.integers(0, 20, (count, 2)), random.integers(0, 12, (count, 2))], axis=1).astype(
        float
    )


def test_overlap_is_that_of_the_pixels_of_whole_boxes():
    random = np.random.default_rng(1)
    some, others = crowd(random, 12), crowd(random, 9)

    def painted(box: np.ndarray) -> np.ndarray:
        x, y, w, h = box.astype(int)
        picture = np.zeros((40, 40), bool)
        picture[y : y + h, x : x + w] = True
        return picture

    expected = [[mask_iou(painted(a), painted(b)) for b in others] for a in some]
    np.testing.assert_allclose(box_iou(some, others), expected)


def test_a_person_is_found_once_and_by_the_best():
    truth = np.array([[0, 0, 10, 10]])
    boxes = np.array([[1, 0, 10, 10], [0, 0, 10, 10], [50, 50, 5, 5]])
    matched = match_boxes(boxes, np.array([0.5, 0.9, 0.7]), truth)
    assert matched.taken.tolist() == [-1, 0, -1]
    errors = detection_errors([matched])
    assert (errors.recall, errors.precision, errors.average_precision) == (1.0, 1 / 3, 1.0)


def test_a_detection_takes_the_person_it_overlaps_most_and_leaves_the_other():
    truth = np.array([[0, 0, 10, 10], [3, 0, 10, 10]])
    matched = match_boxes(np.array([[2.5, 0, 10, 10], [0, 0, 10, 10]]), np.array([0.9, 0.8]), truth)
    assert matched.taken.tolist() == [1, 0]


def test_overlap_of_exactly_the_threshold_counts():
    matched = match_boxes(np.array([[0, 0, 10, 5]]), np.array([0.5]), np.array([[0, 0, 10, 10]]), iou=0.5)
    assert matched.taken.tolist() == [0]


def test_average_precision_of_a_worked_example():
    # right, wrong, right, right, wrong over 4 people: precision 1, 2/3, 3/4 at recall 1/4, 2/4, 3/4, made monotone
    image = Matched(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([0, -1, 1, 2, -1]), 4)
    assert detection_errors([image]).average_precision == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)


def test_images_are_ranked_together():
    first = Matched(np.array([0.9, 0.2]), np.array([0, -1]), 1)
    second = Matched(np.array([0.5]), np.array([-1]), 1)
    errors = detection_errors([first, second])
    assert (errors.people, errors.detections, errors.average_precision) == (2, 3, 0.5)


def test_nobody_there_and_nothing_found():
    nothing = match_boxes(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4)))
    assert detection_errors([nothing]).recall is None
    assert detection_errors([nothing]).precision is None
    blind = detection_errors([match_boxes(np.zeros((0, 4)), np.zeros(0), np.array([[0, 0, 1, 1]]))])
    assert (blind.recall, blind.average_precision) == (0.0, 0.0)


def textbook(boxes, scores, truth, iou):
    free, hits = set(range(len(truth))), {}
    for detection in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        alike = {person: box_iou(boxes[[detection]], truth[[person]])[0, 0] for person in sorted(free)}
        person = max(alike, key=lambda p: (alike[p], -p), default=None)
        if person is not None and alike[person] >= iou:
            free.remove(person)
            hits[detection] = person
    return hits


@settings(max_examples=100, deadline=None)
@given(numbers, st.integers(0, 9), st.integers(0, 7))
def test_matching_is_the_textbooks(seed, detections, people):
    random = np.random.default_rng(seed)
    boxes, truth = crowd(random, detections), crowd(random, people)
    scores = random.choice([0.2, 0.4, 0.6, 0.8], detections)
    matched = match_boxes(boxes, scores, truth, 0.25)
    hits = textbook(boxes, scores, truth, 0.25)
    assert matched.taken.tolist() == [hits.get(i, -1) for i in range(detections)]


@settings(max_examples=100, deadline=None)
@given(numbers, st.integers(1, 12), st.integers(0, 5))
def test_average_precision_is_the_area_over_all_thresholds(seed, detections, missed):
    random = np.random.default_rng(seed)
    scores, right = random.choice([0.1, 0.3, 0.5, 0.7, 0.9], detections), random.random(detections) < 0.6
    people = int(right.sum()) + missed
    image = Matched(scores, np.where(right, np.cumsum(right) - 1, -1), people)
    measured = detection_errors([image]).average_precision
    if people == 0:
        assert measured is None
        return
    curve = [(0.0, 0.0)]
    for threshold in sorted(set(scores), reverse=True):
        above = scores >= threshold
        curve.append((right[above].sum() / people, right[above].mean()))
    area = sum(
        (after - before) * max(p for r, p in curve if r >= after)
        for (before, _), (after, _) in itertools.pairwise(curve)
    )
    assert measured == pytest.approx(area)


def test_heads_belong_to_boxes_that_hold_them_at_the_top():
    boxes = np.array([[0, 0, 10, 30], [0, 5, 10, 30], [40, 0, 10, 30]])
    heads = np.array([[5.0, 3.0], [5.0, 12.0], [45.0, 20.0]])
    matched = match_heads(boxes, np.array([0.9, 0.8, 0.7]), heads)
    assert matched.taken.tolist() == [0, 1, -1]  # the third point lies at the waist
    assert matched.people == 3


def test_masks_overlap_by_pixels():
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert mask_iou(one, other) == 0
    one[:2], other[1:3] = True, True
    assert mask_iou(one, other) == pytest.approx(4 / 12)
    with pytest.raises(ThrongError, match="one size"):
        mask_iou(one, other[1:])


@pytest.mark.parametrize(
    ("boxes", "scores", "message"),
    [
        ([[0, 0, -1, 1]], [0.5], "box 0 is"),
        ([[0, 0, np.nan, 1]], [0.5], "box 0 is"),
        ([[0, 0, 1, 1]], [0.5, 0.6], "one finite score each"),
        ([[0, 0, 1, 1]], [np.nan], "one finite score each"),
    ],
)
def test_bad_input_is_one_sentence(boxes, scores, message):
    with pytest.raises(ThrongError, match=message):
        match_boxes(np.array(boxes, float), np.array(scores), np.zeros((0, 4)))
    with pytest.raises(ThrongError, match="at least one image"):
        detection_errors([])


def test_a_detection_in_an_ignored_region_counts_neither_way_unless_it_finds_somebody():
    people, ignored = np.array([[0, 0, 10, 10]]), np.array([[0, 0, 100, 100]])
    boxes = np.array([[0, 0, 10, 10], [50, 50, 10, 10], [95, 95, 20, 20]])
    errors = detection_errors([match_boxes(boxes, np.array([0.9, 0.8, 0.7]), people, ignored=ignored)])
    assert (errors.detections, errors.recall, errors.precision) == (2, 1.0, 0.5)


@settings(max_examples=50, deadline=None)
@given(numbers, st.integers(0, 9), st.integers(0, 7), st.sampled_from([0.2, 0.5, 0.6, 0.9]))
def test_leaving_out_the_unsure_first_or_last_is_the_same(seed, detections, people, limit):
    random = np.random.default_rng(seed)
    boxes, truth = crowd(random, detections), crowd(random, people)
    scores = random.choice([0.2, 0.4, 0.6, 0.8], detections)
    sure = scores >= limit
    last = detection_errors([match_boxes(boxes, scores, truth, 0.25)], limit)
    first = detection_errors([match_boxes(boxes[sure], scores[sure], truth, 0.25)])
    assert (last.detections, last.recall, last.precision) == (first.detections, first.recall, first.precision)


def test_each_person_knows_how_sure_its_finder_was():
    matched = match_boxes(np.array([[0, 0, 10, 10]]), np.array([0.7]), np.array([[50, 0, 9, 9], [0, 0, 10, 10]]))
    assert matched.found_at.tolist() == [0.0, 0.7]
