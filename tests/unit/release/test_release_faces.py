"""Heads are found where the tables say, and blurring leaves nothing of them but a few mean colours."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.release.pictures import PROFILE, exif, opened, pillow_image, saved
from throng.images import decode
from throng.release.faces import blur, blurred
from throng.release.heads import heads_in_composite, heads_of, top_of
from throng.tables.detections import Detection
from throng.tables.images import Box, Person, Point

NOBODY: dict[str, Any] = {
    "tag": "person",
    "box_id": None,
    "head": None,
    "visible": None,
    "full": None,
    "ignore": False,
    "head_ignore": False,
    "occluded": None,
    "unsure": None,
    "head_occluded": None,
    "head_unsure": None,
}
STANDING = (100.0, 50.0, 40.0, 120.0)


def box(x: float, y: float, w: float, h: float) -> Box:
    return {"x": x, "y": y, "w": w, "h": h}


def detection(x: float, y: float, w: float, h: float) -> Detection:
    return {"x": x, "y": y, "w": w, "h": h, "score": 0.9, "mask": None}


def person(**known: Any) -> Person:
    return cast("Person", NOBODY | known)


def noise(height: int = 60, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_an_annotated_head_is_blurred_as_it_is_annotated() -> None:
    annotated = person(head=box(110, 50, 20, 22), visible=box(*STANDING))
    assert heads_of([annotated], None, 480, [detection(101, 52, 40, 118)], "ultralytics") == [(110, 50, 20, 22)]


def test_of_a_person_without_a_head_box_the_upper_part_is() -> None:
    assert heads_of([person(visible=box(*STANDING))], None, 480) == [top_of(STANDING)]
    assert heads_of([person(full=box(*STANDING))], None, 480) == [top_of(STANDING)]


def test_somebody_only_the_detector_saw_is_blurred_too() -> None:
    annotated = person(head=box(110, 50, 20, 22), visible=box(*STANDING))
    assert len(heads_of([annotated], None, 480, [detection(300, 50, 40, 120)], "ultralytics")) == 2


def test_of_a_group_that_nobody_took_apart_all_is() -> None:
    group = person(tag="mask", ignore=True, full=box(0, 0, 200, 90))
    assert heads_of([group], None, 480) == [(0, 0, 200, 90)]


def test_around_head_points_nearer_people_get_larger_squares() -> None:
    far, near = Point(x=40, y=60), Point(x=90, y=300)
    (x, y, w, h), (_, _, nearer, _) = heads_of(None, [near, far], 480)
    assert (x + w / 2, y + h / 2, w) == pytest.approx((40, 60, h))
    assert 6 <= w < nearer < 480 / 3


def test_boxes_guessed_from_head_points_say_nothing_new() -> None:
    points = [Point(x=40, y=60)]
    assert heads_of(None, points, 480, [detection(20, 50, 40, 120)], "annotations") == heads_of(None, points, 480)


def test_where_nothing_is_known_there_are_no_areas() -> None:
    assert heads_of(None, None, 480) == []
    assert heads_of([person()], [], 480, [], "ultralytics") == []


def test_the_upper_part_of_a_bust_is_half_of_it_and_of_a_narrow_box_a_fifth() -> None:
    assert top_of((0, 0, 100, 100))[3] == pytest.approx(55)
    assert top_of((0, 0, 30, 100)) == pytest.approx((2.5, 0, 25, 20))


def test_in_a_composite_heads_are_around_their_points() -> None:
    assert heads_in_composite([Point(x=120, y=60)], [box(*STANDING)]) == [(108, 48, 24, 24)]


def test_outside_of_the_ellipses_through_the_areas_corners_nothing_changes() -> None:
    image, (x, y, w, h) = noise(), (20.0, 10.0, 16.0, 24.0)
    changed = (blur(image, [(x, y, w, h)]) != image).any(axis=2)
    rows, columns = np.mgrid[:60, :80]
    ellipse = ((columns - x - w / 2) / (w / 2)) ** 2 + ((rows - y - h / 2) / (h / 2)) ** 2 <= 2
    assert not changed[~ellipse].any()
    assert changed[ellipse].mean() > 0.95
    assert changed[11:34, 21:36].mean() > 0.95  # the head's box is inside


def test_whatever_leaves_the_mean_of_a_cell_as_it_is_leaves_no_trace() -> None:
    """The ellipse's box is pixels 4 to 43: shuffled within each of the 16 cells, 10 pixels wide, it looks the same."""
    image, side = noise(48, 48), 20 * math.sqrt(2)
    area = (23.5 - side / 2, 23.5 - side / 2, side, side)
    shuffled, rng = image.copy(), np.random.default_rng(1)
    for row in range(4, 44, 10):
        for column in range(4, 44, 10):
            cell = shuffled[row : row + 10, column : column + 10].reshape(100, 3)
            shuffled[row : row + 10, column : column + 10] = rng.permutation(cell).reshape(10, 10, 3)
    changed = (blur(image, [area]) != image).any(axis=2)
    assert changed.sum() > 1200
    rows, columns = np.mgrid[:48, :48]
    inside = (rows - 23.5) ** 2 + (columns - 23.5) ** 2 <= 400
    assert np.array_equal(blur(image, [area])[inside], blur(shuffled, [area])[inside])


@given(
    st.lists(
        st.tuples(st.floats(-50, 120), st.floats(-50, 90), st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=5
    )
)
@settings(max_examples=50, deadline=None)
def test_any_areas_in_any_order_give_an_image_of_the_same_size(areas: list[tuple[float, float, float, float]]) -> None:
    image = noise()
    made = blur(image, areas)
    assert made.shape == image.shape
    assert np.array_equal(made, blur(image, areas[::-1]))


def test_two_images_that_are_equal_in_an_area_are_so_after_blurring() -> None:
    photograph, edit = noise(), noise()
    edit[:, :30] = 7  # somebody was removed here
    areas = [(2.0, 5.0, 12.0, 14.0), (45.0, 5.0, 12.0, 14.0), (60.0, 10.0, 14.0, 14.0)]
    assert np.array_equal(blur(photograph, areas)[:, 30:], blur(edit, areas)[:, 30:])


def test_a_blurred_file_is_an_upright_png_with_its_profile_and_otherwise_the_decoded_pixels() -> None:
    data = saved(pillow_image(120, 80), "JPEG", exif=exif(6), icc_profile=PROFILE)
    area = (20.0, 30.0, 16.0, 16.0)
    made = blurred(data, [area])
    image = opened(made)
    assert (image.format, image.size, image.info["icc_profile"]) == ("PNG", (80, 120), PROFILE)
    assert image.getexif().get(0x0112) is None
    assert np.array_equal(decode(made), blur(decode(data), [area]))


def test_grey_photographs_can_be_blurred() -> None:
    data = saved(pillow_image(120, 80).convert("L"), "JPEG")
    assert decode(blurred(data, [(20, 20, 20, 20)])).shape == (80, 120, 3)
