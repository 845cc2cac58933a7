"""The annotations of a source as detections."""

from pathlib import Path

import pytest

from tests.contract.test_detectors import image_row, person
from throng import detectors
from throng.detectors.protocol import Found, Photograph
from throng.sections.detect import Annotations


def detect(row, **options) -> Found:
    return detectors.load(Annotations(**options), None, Path("unused")).detect([Photograph(row, None)])[0]


def boxes(found: Found) -> list[tuple[float, ...]]:
    return [(p["x"], p["y"], p["w"], p["h"]) for p in found.people]


def row(people=None, points=None):
    return image_row(100, 200, "0" * 16, people=people, points=points)


def test_the_chosen_box_is_taken_and_cut_at_the_frame():
    people = [person((10, 10, 20, 30), (8, 5, 24, 60)), person((-5, 80, 30, 40), (-20, 80, 60, 90))]
    assert boxes(detect(row(people))) == [(10, 10, 20, 30), (0, 80, 25, 20)]
    assert boxes(detect(row(people), box="full")) == [(8, 5, 24, 60), (0, 80, 40, 20)]


def test_ignored_boxes_and_people_outside_the_frame_are_left_out():
    people = [person((10, 10, 20, 30), ignore=True), person((300, 10, 20, 30)), person((0, 0, 5, 5))]
    assert boxes(detect(row(people))) == [(0, 0, 5, 5)]


def test_the_other_box_stands_in_for_a_missing_one():
    assert boxes(detect(row([person(None, (1, 2, 3, 4))]))) == [(1, 2, 3, 4)]


def test_a_labelled_image_without_people_is_empty_not_rejected():
    assert detect(row(people=[])) == Found([])
    assert detect(row(points=[])) == Found([])


def test_head_points_become_bodies():
    found = detect(row(points=[{"x": 50.0, "y": 20.0}, {"x": 120.0, "y": 60.0}]))
    assert found.rejection == ""
    assert len(found.people) == 2
    assert all(p["score"] == 1.0 and p["mask"] is None for p in found.people)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (row(), "unlabelled: the source has neither boxes nor head points; use detect.backend ultralytics"),
        (row([person(None)]), "boxes: 1 annotated people have neither a visible nor a full box"),
        (row([person((float("nan"), 0, 1, 1))]), "boxes: a coordinate is not a finite number"),
    ],
)
def test_what_cannot_be_answered_is_rejected_with_its_reason(image, reason):
    assert detect(image) == Found([], reason)
