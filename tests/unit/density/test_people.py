import dataclasses
import logging

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.density.cameras import (
    CAMERA,
    HEIGHT,
    HORIZON,
    WIDTH,
    box,
    boxes,
    ground,
    heads,
    image_row,
    person,
    places,
    points,
)
from throng.density.people import Settings, photographed, synthesised
from throng.errors import ThrongError
from throng.tables.detections import Detection, DetectionRow
from throng.tables.synthetic import SyntheticRow

SETTINGS = Settings()
OVER = ground()
METRES = places(40)
FULL = boxes(METRES, OVER)
FEET = OVER.to_pixels(METRES)
NAN = float("nan")


def found(detected: np.ndarray, backend: str = "ultralytics") -> DetectionRow:
    people = [Detection(x=x, y=y, w=w, h=h, score=0.9, mask=None) for x, y, w, h in detected.tolist()]
    return DetectionRow("id", backend, people, "ok", "")


def made(head_points: np.ndarray | None, visible: np.ndarray | None) -> SyntheticRow:
    return SyntheticRow(
        id="id", prompt_id="", maker="", requested=None, density="", count=None,
        points=image_row(head_points, None).points, boxes=None if visible is None else [box(b) for b in visible],
        masks=None, path="", sha256="", width=WIDTH, height=HEIGHT, split="train", scene="", background_id="",
        parents=[], licence="", redistributable=True, backend="", options="", status="ok", reason="",
    )  # fmt: skip


def test_people_stand_where_their_full_boxes_say():
    crowd = photographed(image_row(points(FULL), [person(full) for full in FULL]), None, SETTINGS)
    assert (crowd.count, crowd.scale, crowd.ground_reason) == (40, "full-boxes", "")
    assert crowd.ground is not None
    assert crowd.ground.camera_height_m == pytest.approx(CAMERA, rel=0.06)
    assert crowd.ground.horizon == pytest.approx(HORIZON, abs=12)
    assert crowd.feet == pytest.approx(FEET, abs=0.06 * FULL[:, 3].max())
    assert crowd.heights == pytest.approx(FULL[:, 3], rel=0.06)


def test_head_boxes_place_people_where_full_ones_are_missing():
    crowd = photographed(image_row(points(FULL), [person(None, head) for head in heads(FULL)]), None, SETTINGS)
    assert crowd.scale == "head-boxes"
    assert crowd.ground is not None
    assert crowd.ground.camera_height_m == pytest.approx(CAMERA, rel=0.15)
    assert crowd.heights == pytest.approx(FULL[:, 3], rel=0.1)


def test_points_are_put_on_the_plane_of_detected_people():
    crowd = photographed(image_row(points(FULL), None), found(FULL[::2]), SETTINGS)
    assert crowd.scale == "detected-boxes"
    assert crowd.ground is not None
    assert crowd.ground.camera_height_m == pytest.approx(CAMERA, rel=0.06)
    assert crowd.heights == pytest.approx(FULL[:, 3], rel=0.06)
    assert crowd.feet is not None
    assert crowd.feet[:, 1] == pytest.approx(FEET[:, 1], rel=0.03)


@pytest.mark.parametrize(
    "detected",
    [None, found(FULL, "annotations"), dataclasses.replace(found(FULL), status="rejected"), found(FULL[:4])],
    ids=["none", "guessed from the points", "rejected", "few"],
)
def test_without_detections_only_the_spacing_tells(detected):
    crowd = photographed(image_row(points(FULL), None), detected, SETTINGS)
    assert (crowd.scale, crowd.ground) == ("spacing", None)
    assert crowd.ground_reason.startswith("too few people: ")
    assert crowd.heights is not None
    assert (crowd.heights > 0).all()
    assert crowd.count == 40


def test_the_spacing_grows_towards_the_camera():
    rng = np.random.default_rng(1)
    metres = np.stack([rng.uniform(-4, 4, 600), rng.uniform(9, 30, 600)], 1)
    centres = points(boxes(metres, OVER))
    crowd = photographed(image_row(centres, None), None, SETTINGS)
    assert crowd.heights is not None
    true = OVER.heights_at(OVER.to_pixels(metres))
    assert np.corrcoef(crowd.heights, true)[0, 1] > 0.99


def test_people_whose_feet_are_hidden_tell_no_height():
    half = FULL.copy()
    half[::2, 3] /= 2
    covering = FULL.copy()[::2]
    covering[:, 0] += 1
    covering[:, 1] += 3
    crowd = synthesised(made(points(FULL), half), 40, SETTINGS)
    both = np.concatenate([half, covering])
    hidden = synthesised(made(np.concatenate([points(FULL), points(covering)]), both), 60, SETTINGS)
    assert crowd.scale == hidden.scale == "visible-boxes"
    assert hidden.ground is not None
    assert hidden.ground.camera_height_m == pytest.approx(CAMERA, rel=0.06)
    assert hidden.heights is not None
    assert hidden.heights[:40] == pytest.approx(FULL[:, 3], rel=0.06)


def test_ignored_people_and_things_like_people_are_not_counted():
    people = [person(full) for full in FULL]
    people += [person(FULL[0], ignore=True), person(FULL[1], tag="mask", ignore=True), person(FULL[2], tag="mask")]
    crowd = photographed(image_row(points(FULL), people), None, SETTINGS)
    alone = photographed(image_row(points(FULL), people[:40]), None, SETTINGS)
    assert crowd.count == alone.count == 40
    assert crowd.ground == alone.ground


def test_a_person_without_a_head_point_gets_one_from_the_boxes():
    head = np.array([100.0, 50.0, 11.0, 15.0])
    people = [person(FULL[0], head), person(FULL[1]), person(None, None, FULL[2])]
    crowd = photographed(image_row([], people), None, SETTINGS)
    assert crowd.heads is not None
    assert crowd.heads[0] == pytest.approx((105, 57))
    assert crowd.heads[1:] == pytest.approx(points(FULL[1:3]), abs=1e-6)
    with pytest.raises(ThrongError, match=r"town/a.jpg: person 1 has neither a head point nor a box"):
        photographed(image_row([], [people[0], person((NAN,) * 4)]), None, SETTINGS)


@pytest.mark.parametrize("bad", [(NAN, 0, 10, 30), (5, 5, 0, 30), (5, 5, 10, -3), (5, 5, float("inf"), 30)], ids=str)
@pytest.mark.parametrize("which", ["full", "heads", "visible", "detected"])
def test_bad_boxes_leave_the_others_as_they_are(bad, which, caplog):
    caplog.set_level(logging.INFO)
    spoiled = FULL.copy()
    spoiled[::7] = bad
    centres = points(FULL)
    if which == "full":
        crowd = photographed(image_row(centres, [person(b) for b in spoiled]), None, SETTINGS)
    elif which == "heads":
        faces = heads(FULL)
        faces[::7] = bad
        crowd = photographed(image_row(centres, [person(None, b) for b in faces]), None, SETTINGS)
    elif which == "visible":
        crowd = synthesised(made(centres, spoiled), 40, SETTINGS)
    else:
        crowd = photographed(image_row(centres, None), found(spoiled), SETTINGS)
    assert crowd.count == 40
    assert crowd.feet is not None
    assert crowd.heights is not None
    assert np.isfinite(crowd.feet).all()
    assert crowd.heights == pytest.approx(FULL[:, 3], rel=0.12)
    assert "6 of 40 people have no usable" in caplog.text


@pytest.mark.parametrize("number", [1, 3, 5])
def test_few_people_have_heights_but_no_ground(number):
    crowd = photographed(image_row(points(FULL[:number]), [person(b) for b in FULL[:number]]), None, SETTINGS)
    assert (crowd.count, crowd.ground, crowd.scale) == (number, None, "full-boxes")
    assert crowd.ground_reason.startswith("too few people: ")
    assert crowd.heights == pytest.approx(FULL[:number, 3])


def test_everybody_in_the_same_row():
    row = np.tile(FULL[:1], (20, 1)) + np.stack([np.arange(20) * 30.0, *np.zeros((3, 20))], 1)
    crowd = photographed(image_row(points(row), [person(b) for b in row]), None, SETTINGS)
    assert crowd.ground is None
    assert crowd.ground_reason.startswith("no plane: ")
    assert crowd.heights == pytest.approx(row[:, 3])


def test_before_a_camera_at_eye_level_points_have_no_place():
    low = ground(camera=1.6, horizon=380.0)
    full = boxes(places(40) * (1, 0.4), low)
    centres = points(full)
    by_points = photographed(image_row(centres, None), found(full), SETTINGS)
    by_boxes = photographed(image_row(centres, [person(b) for b in full]), None, SETTINGS)
    assert (by_points.scale, by_points.ground) == ("spacing", None)
    assert by_points.ground_reason.startswith("eye level: ")
    assert by_boxes.ground is not None
    assert by_boxes.ground.camera_height_m == pytest.approx(1.6, rel=0.05)


def test_nobody_and_nobody_knows():
    empty = photographed(image_row([], []), None, SETTINGS)
    assert (empty.count, empty.scale, empty.ground_reason[:6]) == (0, "", "nobody")
    assert empty.heads is not None
    assert len(empty.heads) == 0
    drawn = synthesised(made(None, None), 17.5, SETTINGS)
    assert (drawn.count, drawn.heads, drawn.feet) == (17.5, None, None)
    assert drawn.ground_reason.startswith("no positions: ")
    with pytest.raises(ThrongError, match=r"town/a.jpg has no head points"):
        photographed(image_row(None, None), None, SETTINGS)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(*[st.one_of(st.floats(-50, 900), st.floats(allow_nan=True, allow_infinity=True))] * 4), max_size=12
    ),
    st.lists(st.tuples(st.floats(0, 1023), st.floats(0, 767)), min_size=12, max_size=12),
)
def test_no_boxes_make_it_raise(numbers, centres):
    wild = np.array(numbers, float).reshape(-1, 4)
    where = np.array(centres)[: len(wild)]
    people = [person(b, b) for b in wild]
    for crowd in (
        photographed(image_row(where, people), None, SETTINGS),
        photographed(image_row(centres, None), found(wild), SETTINGS),
        synthesised(made(where, wild), len(wild), SETTINGS),
    ):
        if crowd.feet is not None:
            assert crowd.heights is not None
            assert np.isfinite(crowd.feet).all()
            assert (crowd.heights > 0).all()
