import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.density.cameras import HEIGHT, STATURE, WIDTH, image_row, person, places
from tests.unit.density.cameras import ground as level_ground
from tests.unit.density.test_people import made
from tests.unit.density.tilted import MIDDLE, Tilted
from throng.density import kde
from throng.density.area import RADIUS_M, occupied_m2, people_per_m2, per_m2
from throng.density.camera import by_bodies, by_heads, view_of
from throng.density.crowd import Crowd, Window
from throng.density.floor import Floor
from throng.density.ground import HEAD_CENTRE, Ground
from throng.density.people import Settings, photographed, synthesised
from throng.tables.detections import Detection, DetectionRow

SETTINGS = Settings(camera="tilted")
TILTS = (0.0, 10.0, 20.0, 30.0, 45.0)
cameras = st.builds(Tilted, st.floats(-5, 55), st.floats(2.2, 15), st.floats(600, 1500))


def crowd_before(camera: Tilted, metres: np.ndarray) -> Crowd:
    feet, heads = camera.standing(metres), camera.standing(metres, HEAD_CENTRE * STATURE)
    heights = feet[:, 1] - camera.standing(metres, STATURE)[:, 1]
    return Crowd(WIDTH, HEIGHT, len(feet), heads, feet, heights, "full-boxes", camera.ground)


@settings(max_examples=80, deadline=None)
@given(cameras, st.integers(0, 1000))
def test_the_ground_is_where_rotated_points_are(camera, seed):
    metres = camera.places(20, np.random.default_rng(seed))
    over, feet = camera.ground, camera.standing(metres)
    assert over.tilt == pytest.approx(camera.radians)
    assert over.to_pixels(metres) == pytest.approx(feet, abs=1e-6)
    assert over.to_metres(feet) == pytest.approx(metres, abs=1e-6)
    assert over.heights_at(feet) == pytest.approx(feet[:, 1] - camera.standing(metres, STATURE)[:, 1], rel=1e-6)
    assert over.feet_of(camera.standing(metres, HEAD_CENTRE * STATURE)) == pytest.approx(feet, abs=1e-5)
    tall = 1.05 * STATURE
    assert over.feet_of(camera.standing(metres, HEAD_CENTRE * tall), 1.05) == pytest.approx(feet, abs=1e-5)
    leaning = (feet[:, 0] + camera.standing(metres, STATURE)[:, 0]) / 2
    assert over.columns_of(leaning, feet[:, 1]) == pytest.approx(feet[:, 0], abs=1e-5)
    assert over.crowns_of(feet) == pytest.approx(camera.standing(metres, STATURE), abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(cameras, st.integers(0, 1000))
def test_areas_and_widths_are_those_of_rotated_points(camera, seed):
    metres = camera.places(5, np.random.default_rng(seed))
    over, feet = camera.ground, camera.standing(metres)
    for (x, v), place in zip(feet, metres, strict=True):
        (a, b), (c, d) = (over.to_metres(np.array([(x, v)]) + s)[0] - place for s in ((0.01, 0), (0, 0.01)))
        assert over.area_per_pixel(np.array([v]))[0] == pytest.approx(abs(a * d - b * c) * 1e4, rel=1e-3)
        constant, slope = Floor(over, 0.0).across
        assert constant + slope * place[1] == pytest.approx(100 * a, rel=1e-3)


def test_a_tilted_camera_that_is_level_is_the_level_one():
    level = level_ground(horizon=float(MIDDLE[1]))
    tilted = dataclasses.replace(level, axis=level.horizon)
    metres = places(50)
    feet = level.to_pixels(metres)
    for told in (
        lambda ground: ground.to_pixels(metres),
        lambda ground: ground.to_metres(feet),
        lambda ground: ground.heights_at(feet),
        lambda ground: ground.feet_of(feet - (0, 30)),
        lambda ground: ground.columns_of(feet[:, 0], feet[:, 1]),
        lambda ground: ground.crowns_of(feet),
        lambda ground: ground.area_per_pixel(feet[:, 1]),
        lambda ground: np.array(occupied_m2(ground, feet, WIDTH, HEIGHT)),
        lambda ground: np.array(Floor(ground, 0.0).across),
    ):
        assert told(tilted).tobytes() == told(level).tobytes()


@settings(max_examples=30, deadline=None)
@given(cameras, st.integers(0, 300), st.integers(0, 300))
def test_a_window_moves_the_axis_with_the_image(camera, x, y):
    over, metres = camera.ground, camera.places(10, np.random.default_rng(0))
    moved = over.moved(x, y)
    assert moved.tilt == pytest.approx(over.tilt)
    assert moved.to_pixels(metres) == pytest.approx(over.to_pixels(metres) - (x, y))
    assert moved.heights_at(moved.to_pixels(metres)) == pytest.approx(over.heights_at(over.to_pixels(metres)))


@pytest.mark.parametrize("height", [3.5, 6.0, 12.0])
@pytest.mark.parametrize("degrees", TILTS)
def test_a_planted_camera_is_found(degrees, height):
    camera = Tilted(degrees, height)
    metres = camera.places(40, np.random.default_rng(3))
    full, faces = camera.boxes(metres), camera.head_boxes(metres)
    view = view_of(WIDTH, HEIGHT, camera.focal, SETTINGS)
    found = by_bodies(view, full[:, 1] + full[:, 3] - 0.5, full[:, 3])
    by_faces = by_heads(view, faces[:, 1] + faces[:, 3] / 2 - 0.5, faces[:, 3])
    assert not isinstance(found, str)
    assert not isinstance(by_faces, str)
    assert found[1] == pytest.approx(camera.standing(metres)[:, 1], abs=2)
    for over in (found[0], by_faces):
        assert over.camera_height_m == pytest.approx(height, rel=0.02)
        assert math.degrees(over.tilt) == pytest.approx(degrees, abs=0.7)
        low, high = over.camera_height_range_m
        assert low < height < high


def test_outliers_do_not_tilt_the_camera():
    camera, rng = Tilted(30.0), np.random.default_rng(1)
    full = camera.boxes(camera.places(60, rng))
    full[::3, 3] *= rng.choice([0.4, 0.6, 1.6], 20)
    found = by_bodies(view_of(WIDTH, HEIGHT, camera.focal, SETTINGS), full[:, 1] + full[:, 3] - 0.5, full[:, 3])
    assert not isinstance(found, str)
    assert found[0].camera_height_m == pytest.approx(6.0, rel=0.1)
    assert math.degrees(found[0].tilt) == pytest.approx(30, abs=3)


def test_when_it_abstains():
    view = view_of(WIDTH, HEIGHT, 1000.0, SETTINGS)
    steep = Tilted(63.0, 12.0)
    full = steep.boxes(steep.places(40, np.random.default_rng(0)))
    rng = np.random.default_rng(0)
    good = Tilted(20.0).boxes(Tilted(20.0).places(40, rng))
    ends, tall = good[:, 1] + good[:, 3] - 0.5, good[:, 3]
    unsure = dataclasses.replace(SETTINGS, focal_spread=0.9)
    reasons = {
        "too steep": by_bodies(view, full[:, 1] + full[:, 3] - 0.5, full[:, 3]),
        "too few people": by_bodies(view, ends[:5], tall[:5]),
        "no plane": by_bodies(view, ends, tall * np.exp(rng.uniform(-2, 2, 40))),
        "too little depth": by_bodies(view, 500 + ends / 40, 150 + ends / 40),
        "high residual": by_bodies(view, ends, tall * np.random.default_rng(5).uniform(0.8, 1.2, 40)),
        "too uncertain": by_bodies(view_of(WIDTH, HEIGHT, None, unsure), ends, tall * rng.normal(1, 0.04, 40)),
    }
    for kind, reason in reasons.items():
        assert isinstance(reason, str), (kind, reason)
        assert reason.startswith(f"{kind}: "), (kind, reason)


def test_what_the_focal_length_is_taken_for_moves_the_camera_and_widens_its_interval():
    camera = Tilted(35.0)
    full = camera.boxes(camera.places(60, np.random.default_rng(2)))
    ends, tall = full[:, 1] + full[:, 3] - 0.5, full[:, 3]
    known, doubted = (
        by_bodies(
            view_of(WIDTH, HEIGHT, focal, dataclasses.replace(SETTINGS, focal=1000 / WIDTH, focal_spread=0.1)),
            ends,
            tall,
        )
        for focal in (1000.0, None)
    )
    longer = by_bodies(view_of(WIDTH, HEIGHT, 1100.0, SETTINGS), ends, tall)
    assert not isinstance(known, str)
    assert not isinstance(doubted, str)
    assert not isinstance(longer, str)
    assert doubted[0].camera_height_m == pytest.approx(known[0].camera_height_m)
    widths = [high / low for low, high in (known[0].camera_height_range_m, doubted[0].camera_height_range_m)]
    assert widths[1] > 1.2 * widths[0]
    low, high = doubted[0].alternatives()[-1]
    assert low.focal_px < doubted[0].focal_px < high.focal_px
    assert low.tilt > high.tilt
    assert high.camera_height_m == pytest.approx(longer[0].camera_height_m, rel=0.02)
    assert high.horizon == pytest.approx(longer[0].horizon, abs=8)


@pytest.mark.parametrize("degrees", [0.0, 20.0, 45.0])
def test_a_lone_person_has_a_disc_and_a_wide_crowd_its_own_density(degrees):
    camera = Tilted(degrees, 10.0)
    ahead = 10 / math.tan(math.radians(degrees + 10))
    alone = camera.standing(np.array([(0.0, ahead)]))
    assert occupied_m2(camera.ground, alone, WIDTH, HEIGHT) == pytest.approx(math.pi * RADIUS_M**2, rel=0.03)
    x, z = np.meshgrid(np.arange(-40, 40, 0.7), np.arange(-2, 90, 0.7))
    everywhere = np.stack([x.ravel(), z.ravel()], 1)
    crowd = crowd_before(camera, everywhere).within(Window(150, 150, 700, 500))
    found = people_per_m2(crowd)
    assert found is not None
    assert found.people_per_m2 == pytest.approx(1 / 0.49, rel=0.1)
    assert found.p95 == pytest.approx(1 / 0.49, rel=0.1)


def test_the_window_cuts_a_disc_where_rotated_heads_leave_it():
    camera = Tilted(30.0, 8.0)
    rng = np.random.default_rng(4)
    for place in [(4.0, 12.0), (-5.0, 9.0), (0.0, 6.5), (0.0, 40.0)]:
        around = np.array(place) + RADIUS_M * rng.uniform(-1, 1, (40000, 2))
        around = around[np.hypot(*(around - place).T) < RADIUS_M]
        heads = camera.standing(around, HEAD_CENTRE * STATURE)
        window = Window(200, 150, 500, 400)
        inside = (heads >= (199.5, 149.5)).all(axis=1) & (heads < (699.5, 549.5)).all(axis=1)
        feet = camera.standing(np.array([place])) - (window.x, window.y)
        found = occupied_m2(camera.ground.moved(window.x, window.y), feet, window.w, window.h)
        assert found == pytest.approx(inside.mean() * math.pi * RADIUS_M**2, abs=0.6)


@pytest.mark.parametrize("degrees", [15.0, 45.0])
def test_the_map_holds_everybody(degrees):
    camera = Tilted(degrees, 9.0)
    crowd = crowd_before(camera, camera.places(30, np.random.default_rng(0)))
    blocks = per_m2(crowd, 8)
    rows = np.arange(len(blocks)) * 8 + 3.5
    below = rows > camera.ground.horizon + 20
    metres = np.where(below, 64 * camera.ground.area_per_pixel(np.where(below, rows, 768.0)), 0)
    assert (blocks * metres[:, None]).sum() == pytest.approx(30, rel=0.02)


def annotated(camera: Tilted, metres: np.ndarray, rng: np.random.Generator, focal: float | None) -> Crowd:
    statures = rng.normal(STATURE + rng.normal(0, 0.05), 0.07, len(metres))
    full = camera.boxes(metres, statures)
    full[:, 1] += rng.normal(0, 0.02, len(full)) * full[:, 3]
    full[:, 3] *= rng.normal(1, 0.02, len(full))
    heads = np.array([camera.standing(m[None], HEAD_CENTRE * s)[0] for m, s in zip(metres, statures, strict=True)])
    return photographed(image_row(heads, [person(box) for box in full], focal), None, SETTINGS)


@pytest.mark.parametrize("known", [True, False], ids=["focal length known", "by the prior"])
def test_planted_scenes_lie_in_their_intervals(known):
    heights, densities, scenes = [], [], 160
    for seed in range(scenes):
        rng = np.random.default_rng(seed)
        camera = Tilted(rng.uniform(0, 45), rng.uniform(3, 10), WIDTH * float(np.exp(rng.normal(0, 0.2))))
        metres = camera.places(int(rng.integers(15, 80)), rng)
        crowd = annotated(camera, metres, rng, camera.focal if known else None)
        found = people_per_m2(crowd)
        if found is None or crowd.ground is None:
            continue
        truth = len(metres) / occupied_m2(camera.ground, camera.standing(metres), WIDTH, HEIGHT)
        low, high = crowd.ground.camera_height_range_m
        heights.append((crowd.ground.camera_height_m / camera.height_m, low <= camera.height_m <= high))
        densities.append((found.people_per_m2 / truth, found.low <= truth <= found.high))
    assert len(heights) >= 100
    for errors in (heights, densities):
        ratio, holds = np.array(errors, float).T
        assert np.median(np.abs(ratio - 1)) < 0.1
        assert holds.mean() >= 0.9


@pytest.mark.parametrize("boxes", ["full", "heads", "detected", "visible"])
def test_people_before_a_tilted_camera_stand_where_they_do(boxes):
    camera, rng = Tilted(30.0, 7.0), np.random.default_rng(6)
    metres = camera.places(50, rng)
    full, faces = camera.boxes(metres), camera.head_boxes(metres)
    heads = camera.standing(metres, HEAD_CENTRE * STATURE)
    if boxes == "detected":
        people = [Detection(x=x, y=y, w=w, h=h, score=0.9, mask=None) for x, y, w, h in full.tolist()]
        crowd = photographed(image_row(heads, None), DetectionRow("id", "ultralytics", people, "ok", ""), SETTINGS)
    elif boxes == "visible":
        pasted = dataclasses.replace(made(heads, full), background_id="photograph")
        crowd = synthesised(pasted, 50, dataclasses.replace(SETTINGS, focal=camera.focal / WIDTH))
    else:
        people = [
            person(body, None) if boxes == "full" else person(None, face)
            for body, face in zip(full, faces, strict=True)
        ]
        crowd = photographed(image_row(heads, people), None, SETTINGS)
    assert crowd.ground is not None, crowd.ground_reason
    assert crowd.feet is not None
    assert crowd.ground.camera_height_m == pytest.approx(7.0, rel=0.03)
    assert crowd.ground.to_metres(crowd.feet) == pytest.approx(metres, rel=0.05, abs=0.25)
    upright = camera.standing(metres)[:, 1] - camera.standing(metres, STATURE)[:, 1]
    assert crowd.heights == pytest.approx(upright, rel=0.04)
    assert kde.field(crowd).people.sum() == pytest.approx(50, rel=1e-4)


def test_a_crop_leaves_the_camera_where_it_is():
    camera = Tilted(25.0)
    metres = camera.places(60, np.random.default_rng(8))
    crowd = annotated(camera, metres, np.random.default_rng(9), camera.focal)
    inside = crowd.within(Window(128, 0, 768, 768))
    assert isinstance(crowd.ground, Ground)
    assert isinstance(inside.ground, Ground)
    assert inside.ground.tilt == pytest.approx(crowd.ground.tilt)
    assert inside.ground.camera_height_m == crowd.ground.camera_height_m


def test_a_rendered_image_is_before_a_level_camera_whatever_the_photographs_are():
    camera, rng = Tilted(5.0, 7.0), np.random.default_rng(6)
    metres = camera.places(50, rng)
    row = made(camera.standing(metres, HEAD_CENTRE * STATURE), camera.boxes(metres))
    rendered = synthesised(row, 50, SETTINGS)
    assert rendered.ground is not None and rendered.ground.axis is None
    assert rendered.ground == synthesised(row, 50, dataclasses.replace(SETTINGS, camera="level")).ground
    pasted = synthesised(dataclasses.replace(row, background_id="photograph"), 50, SETTINGS)
    assert pasted.ground is not None and pasted.ground.axis is not None
