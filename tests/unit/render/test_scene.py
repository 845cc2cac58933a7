"""Rendered scenes: geometry against an independent pinhole, boxes against masks, counts, determinism."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from throng.errors import ThrongError
from throng.render.camera import Camera, Ground, visible_area
from throng.render.scene import (
    BODY_SHARE,
    HEAD_SHARE,
    Frame,
    make_scene,
    render_background,
    render_frame,
    render_without,
)

WIDTH, HEIGHT = 256, 192


@pytest.fixture(scope="module")
def crowd() -> Frame:
    return render_frame(make_scene(1, 2, WIDTH, HEIGHT), 0, 60)


@pytest.fixture(scope="module")
def lonely() -> list[Frame]:
    """Frames of one person each, who therefore cannot be hidden by another."""
    return [render_frame(make_scene(4, scene, WIDTH, HEIGHT), frame, 1) for scene in range(6) for frame in range(6)]


def bounding_box(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]


def inside(box: np.ndarray) -> bool:
    x, y, w, h = box
    return bool(x > 0 and y > 0 and x + w < WIDTH and y + h < HEIGHT)


def test_same_arguments_give_the_same_bytes_after_the_caches_are_cleared(crowd: Frame) -> None:
    make_scene.cache_clear()
    again = render_frame(make_scene(1, 2, WIDTH, HEIGHT), 0, 60)
    assert again.image.tobytes() == crowd.image.tobytes()
    assert again.instances.tobytes() == crowd.instances.tobytes()
    for field in dataclasses.fields(crowd.people):
        assert getattr(again.people, field.name).tobytes() == getattr(crowd.people, field.name).tobytes()


def test_frames_of_a_scene_share_the_background_and_differ_in_people() -> None:
    scene = make_scene(1, 2, WIDTH, HEIGHT)
    first, second = render_frame(scene, 0, 5), render_frame(scene, 1, 5)
    untouched = (first.clean == render_background(scene)).all(axis=2)
    assert untouched.mean() > 0.5
    assert not np.array_equal(first.people.ground_m, second.people.ground_m)
    assert not np.array_equal(make_scene(1, 3, WIDTH, HEIGHT).picture, scene.picture)
    assert not np.array_equal(make_scene(2, 2, WIDTH, HEIGHT).picture, scene.picture)


def test_an_empty_frame_is_the_background_with_the_same_noise() -> None:
    scene = make_scene(1, 2, WIDTH, HEIGHT)
    empty = render_frame(scene, 7, 0)
    assert np.array_equal(empty.clean, render_background(scene))
    assert np.array_equal(empty.image, render_background(scene, 7))
    assert not np.array_equal(empty.image, empty.clean)
    assert empty.count == 0 and len(empty.people) == 0 and not empty.instances.any() and empty.persons_per_m2 == 0
    assert empty.people.full_box.shape == (0, 4) and empty.people.head_point.shape == (0, 2)


def test_stature_and_position_project_to_the_boxes(lonely: list[Frame]) -> None:
    for frame in lonely:
        camera, people = frame.camera, frame.people
        (x, z), stature = people.ground_m[0], people.stature_m[0]
        pixels_per_metre = camera.focal_px / z
        foot_row = camera.horizon_px + pixels_per_metre * camera.height_m
        top_row = camera.horizon_px + pixels_per_metre * (camera.height_m - stature)
        column = (camera.width - 1) / 2 + pixels_per_metre * x
        left, top, width, height = people.full_box[0]
        pose = 0.3 * stature * pixels_per_metre
        assert top <= top_row + 0.05 * stature * pixels_per_metre + 1
        assert abs(top + height - 1 - foot_row) <= 0.2 * stature * pixels_per_metre + 1
        assert abs(top - top_row) <= pose + 1
        assert left - 1 <= column <= left + width
        head_column, head_row = people.head_point[0]
        assert abs(head_row - (top_row + 0.07 * stature * pixels_per_metre)) <= 0.05 * stature * pixels_per_metre + 1
        assert abs(head_column - column) <= 0.06 * stature * pixels_per_metre + 1
        assert 1.55 <= stature <= 1.95


def test_the_boxes_of_a_lone_person_are_the_mask(lonely: list[Frame]) -> None:
    whole = [frame for frame in lonely if inside(frame.people.full_box[0])]
    assert len(whole) > len(lonely) / 3
    for frame in whole:
        people = frame.people
        assert people.full_box[0].tolist() == people.visible_box[0].tolist() == bounding_box(frame.instances == 1)
        assert people.visible_share[0] == people.head_share[0] == 1
        x, y, w, h = people.head_box[0]
        assert frame.instances[y : y + h, x : x + w].any(axis=0).all()
        assert h < 0.3 * people.full_box[0, 3] + 2


def test_a_lone_head_point_lies_on_the_person_inside_the_head_box(lonely: list[Frame]) -> None:
    for frame in lonely:
        if frame.people.head_box[0, 2] < 2:
            assert frame.people.full_box[0, 3] < 24
            continue
        column, row = np.rint(frame.people.head_point[0]).astype(int)
        x, y, w, h = frame.people.head_box[0]
        assert frame.instances[row, column] == 1
        assert x <= column < x + w and y <= row < y + h


def test_a_person_cut_by_the_edge_has_a_full_box_that_leaves_the_image() -> None:
    frames = [render_frame(make_scene(4, scene, WIDTH, HEIGHT), 0, 80) for scene in range(4)]
    boxes = np.concatenate([frame.people.full_box for frame in frames])
    seen = np.concatenate([frame.people.visible_box for frame in frames])
    assert ((boxes[:, 1] + boxes[:, 3] > HEIGHT) | (boxes[:, 0] < 0) | (boxes[:, 0] + boxes[:, 2] > WIDTH)).any()
    assert (seen[:, :2] >= 0).all()
    assert (seen[:, 0] + seen[:, 2] <= WIDTH).all() and (seen[:, 1] + seen[:, 3] <= HEIGHT).all()


def test_masks_boxes_and_pixel_counts_agree_in_a_crowd(crowd: Frame) -> None:
    people = crowd.people
    counts = np.bincount(crowd.instances.ravel(), minlength=len(people) + 1)[1:]
    assert counts.tolist() == people.visible_pixels.tolist()
    for index in np.flatnonzero(counts):
        assert bounding_box(crowd.instances == index + 1) == people.visible_box[index].tolist()
    assert (people.visible_box[counts == 0] == 0).all()
    assert ((people.visible_share >= 0) & (people.visible_share <= 1)).all()


def test_nearer_people_hide_those_behind(crowd: Frame) -> None:
    depth = crowd.people.ground_m[:, 1]
    assert (np.diff(depth) >= 0).all()
    assert crowd.people.visible_share[0] > 0.9 or not inside(crowd.people.full_box[0])
    assert (crowd.people.visible_share < 0.9).any()


def test_background_pixels_are_those_without_people_or_shadow(crowd: Frame) -> None:
    changed = (crowd.clean != render_background(crowd.scene)).any(axis=2)
    assert changed[crowd.instances > 0].mean() > 0.97
    assert not changed[: int(crowd.people.full_box[:, 1].min()) - 2].any()


def test_counted_people_are_the_ones_that_can_be_seen() -> None:
    people = render_frame(make_scene(1, 8, WIDTH, HEIGHT), 0, 400).people
    seen = (people.head_share >= HEAD_SHARE) | (people.visible_share >= BODY_SHARE)
    assert people.counted.tolist() == seen.tolist()
    assert 0 < people.counted.sum() <= len(people)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(0, 3), st.integers(0, 120))
def test_every_requested_person_is_placed_with_the_head_in_the_image(scene: int, frame: int, count: int) -> None:
    people = render_frame(make_scene(11, scene, WIDTH, HEIGHT), frame, count).people
    assert len(people) == count
    assert ((people.head_point >= -0.5) & (people.head_point < np.array([WIDTH, HEIGHT]) - 0.5)).all()


def test_five_hundred_people_fit() -> None:
    frame = render_frame(make_scene(1, 5, 512, 384), 0, 500)
    assert len(frame.people) == 500
    assert frame.count > 250
    assert len(np.unique(frame.instances)) - 1 == (frame.people.visible_pixels > 0).sum()


def test_persons_per_square_metre_from_a_sum_over_ground_pixels() -> None:
    for index in range(6):
        frame = render_frame(make_scene(6, index, WIDTH, HEIGHT), 0, 40)
        camera, ground = frame.camera, frame.scene.ground
        fine = 8
        rows = (np.arange(HEIGHT * fine) + 0.5) / fine - 0.5
        columns = (np.arange(WIDTH * fine) + 0.5) / fine - 0.5
        rows = rows[rows > camera.horizon_px]
        depth = camera.focal_px * camera.height_m / (rows - camera.horizon_px)
        rows, depth = rows[depth <= ground.far_m], depth[depth <= ground.far_m]
        across = (columns[None] - (WIDTH - 1) / 2) * depth[:, None] / camera.focal_px
        walkable = (across >= ground.left_m) & (across <= ground.right_m)
        cell = depth**3 / (camera.focal_px**2 * camera.height_m) / fine**2
        area = (walkable * cell[:, None]).sum()
        x, z = frame.people.ground_m.T
        column = (WIDTH - 1) / 2 + camera.focal_px * x / z
        row = camera.horizon_px + camera.focal_px * camera.height_m / z
        on_ground = (row <= HEIGHT - 0.5) & (column >= -0.5) & (column <= WIDTH - 0.5)
        assert frame.persons_per_m2 == pytest.approx(on_ground.sum() / area, rel=0.02)


def test_visible_area_of_a_known_trapezium() -> None:
    camera = Camera(2.0, 100.0, 49.5, 200, 150)
    assert camera.near_m == pytest.approx(2.0)
    assert visible_area(camera, Ground(-50.0, 50.0, 10.0)) == pytest.approx((4 + 20) / 2 * 8)
    assert visible_area(camera, Ground(-3.0, 3.0, 10.0)) == pytest.approx((4 + 6) / 2 * 1 + 6 * 7)
    assert camera.project(np.array([[1.0, 2.0, 4.0]])).tolist() == [[99.5 + 25, 49.5]]


def test_bad_requests_are_refused_with_a_reason() -> None:
    with pytest.raises(ThrongError, match="too small"):
        make_scene(1, 0, 40, 300)
    with pytest.raises(ThrongError, match="0 or more"):
        render_frame(make_scene(1, 0, WIDTH, HEIGHT), 0, -1)
    with pytest.raises(ThrongError, match="fewer people or a larger image"):
        render_frame(make_scene(1, 0, 64, 64), 0, 100_000)


@pytest.mark.parametrize("seed", range(4))
def test_any_seed_gives_a_scene(seed):
    for index in range(10):
        assert make_scene(seed, index, 160, 120).picture.shape[2] == 3


def test_a_frame_without_some_of_its_people_is_the_frame_that_they_never_entered() -> None:
    scene = make_scene(1, 2, WIDTH, HEIGHT)
    frame = render_frame(scene, 3, 20)
    assert np.array_equal(render_without(scene, 3, 20, ()), frame.image)
    assert np.array_equal(render_without(scene, 3, 20, range(20)), render_background(scene, 3))
    nearest = render_without(scene, 3, 20, {0})
    changed = (nearest != frame.image).any(axis=2)
    assert changed[frame.instances == 1].mean() > 0.9
    others = frame.instances > 1
    assert not (changed & others)[binary_erosion(others, iterations=3)].any(), (
        "who stays in front or beside is as before"
    )
    with pytest.raises(ThrongError, match="people 0 to 19"):
        render_without(scene, 3, 20, {20})
