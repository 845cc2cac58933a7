import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.density.cameras import CAMERA, FOCAL, HEIGHT, HORIZON, STATURE, WIDTH, boxes, ground, heads, places
from throng.density.camera import Settings, by_bodies, by_heads, shoes_px, view_of
from throng.density.ground import HEAD_CENTRE, Ground
from throng.density.plane import Plane

VIEW = view_of(WIDTH, HEIGHT, FOCAL, Settings())


def shod(full: np.ndarray, over: Ground) -> tuple[np.ndarray, np.ndarray]:
    """Return where boxes end, and how tall they are, when shoes stick out towards the camera."""
    ends, tall = full[:, 1] + full[:, 3] - 0.5, full[:, 3]
    plane = Plane(STATURE / over.camera_height_m, over.horizon)
    longer, taller = ends, tall
    for _ in range(30):
        shoes = shoes_px(plane, FOCAL, longer, taller)
        longer, taller = ends + shoes, tall + shoes
    return longer, taller


@pytest.mark.parametrize("horizon", [-120.0, 0.0, 150.0])
@pytest.mark.parametrize("camera", [2.5, 5.0, 9.0])
def test_a_planted_camera_is_found(camera, horizon):
    over = ground(camera, horizon)
    rows = np.linspace(max(horizon, 0) + 60, 700, 40)
    metres = np.stack([np.zeros(40), FOCAL * camera / (rows - horizon)], 1)
    found = by_bodies(VIEW, *shod(boxes(metres, over), over))
    assert not isinstance(found, str)
    assert found[0].camera_height_m == pytest.approx(camera, rel=5e-3)
    assert found[0].horizon == pytest.approx(horizon, abs=2)
    assert found[1] == pytest.approx(rows, abs=0.5)
    low, high = found[0].camera_height_range_m
    assert low < camera < high


def test_a_planted_camera_is_found_by_heads():
    faces = heads(boxes(places(40), ground()))
    rows = faces[:, 1] + faces[:, 3] / 2 - 0.5
    taller = faces[:, 3] * np.hypot(1, 0.76 * (rows - HORIZON) / FOCAL)
    found = by_heads(VIEW, rows, taller)
    assert not isinstance(found, str)
    assert found.camera_height_m == pytest.approx(CAMERA, rel=5e-3)
    assert found.horizon == pytest.approx(HORIZON, abs=1)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.3, 4), seed=st.integers(0, 1000))
def test_resizing_the_image_leaves_the_camera_where_it_is(scale, seed):
    rng = np.random.default_rng(seed)
    full = boxes(places(30), ground(), rng.normal(1, 0.05, 30))
    ends, tall = full[:, 1] + full[:, 3], full[:, 3]
    found = by_bodies(VIEW, ends, tall)
    view = view_of(round(WIDTH * scale), round(HEIGHT * scale), FOCAL * scale, Settings())
    resized = by_bodies(view, ends * scale, tall * scale)
    assert not isinstance(found, str)
    assert not isinstance(resized, str)
    assert resized[0].camera_height_m == pytest.approx(found[0].camera_height_m, rel=1e-6)
    assert resized[0].camera_height_range_m == pytest.approx(found[0].camera_height_range_m, rel=1e-2)


def test_the_interval_grows_with_every_doubt():
    rng = np.random.default_rng(0)
    full = boxes(places(30), ground(), rng.normal(1, 0.05, 30))
    ends, tall = full[:, 1] + full[:, 3], full[:, 3]

    def width(doubt: float = 0.0, number: int = 30, **changed: float) -> float:
        view = view_of(WIDTH, HEIGHT, FOCAL, Settings(**changed))
        found = by_bodies(view, ends[:: 30 // number], tall[:: 30 // number], doubt)
        assert not isinstance(found, str)
        low, high = found[0].camera_height_range_m
        return high / low

    assert width() < width(doubt=0.05)
    assert width() < width(number=10)
    assert width(stature_std_m=0) < width() < width(stature_std_m=0.1)


def test_the_focal_length_is_the_files_else_the_prior():
    assert view_of(400, 600, 900.0, Settings()).focal_px == 900
    prior = view_of(400, 600, None, Settings(focal=1.2, focal_spread=0.3))
    assert (prior.focal_px, prior.focal_std) == (720, 0.3)
    assert view_of(400, 600, float("nan"), Settings()) == view_of(400, 600, None, Settings())


def test_when_it_abstains():
    full = boxes(places(40), ground())
    ends, tall = full[:, 1] + full[:, 3], full[:, 3]
    reasons = {
        "too few people": by_bodies(VIEW, ends[:5], tall[:5]),
        "too little depth": by_bodies(VIEW, 700 + np.arange(40) / 4, 200 + np.arange(40) / 4 + 0.0),
        "high residual": by_bodies(VIEW, ends, tall * np.random.default_rng(3).uniform(0.8, 1.2, 40)),
        "too uncertain": by_bodies(VIEW, ends[12:26:2], tall[12:26:2] * np.random.default_rng(2).normal(1, 0.05, 7)),
        "too steep": by_bodies(VIEW, *shod(boxes(places(40), ground(12.0, -500.0)), ground(12.0, -500.0))),
    }
    for kind, reason in reasons.items():
        assert isinstance(reason, str), kind
        assert reason.startswith(f"{kind}: "), (kind, reason)


@given(st.floats(2.5, 12), st.floats(-200, 300), st.floats(300, 3000), st.floats(-50, 50), st.floats(1, 80))
def test_ground_and_image_are_inverse(camera, horizon, focal, aside, away):
    over = ground(camera, horizon, focal)
    metres = np.array([(aside, away)])
    assert over.to_metres(over.to_pixels(metres)) == pytest.approx(metres)
    assert over.moved(30, -20).to_pixels(metres) == pytest.approx(over.to_pixels(metres) - np.array((30, -20)))


def test_area_per_pixel_is_the_derivative():
    over = ground()
    corners = np.array([(500.0, 399.5), (501.0, 399.5), (501.0, 400.5), (500.0, 400.5)])
    (x, z) = over.to_metres(corners).T
    area = abs(np.dot(x, np.roll(z, 1)) - np.dot(z, np.roll(x, 1))) / 2
    assert over.area_per_pixel(np.array([400.0])) == pytest.approx(area, rel=1e-3)


def test_feet_of_heads_are_where_the_heads_came_from():
    over = ground()
    feet = over.to_pixels(places(20))
    centres = feet - np.stack([np.zeros(20), HEAD_CENTRE * over.heights_at(feet)], 1)
    assert over.feet_of(centres) == pytest.approx(feet)
    assert np.isfinite(over.feet_of(np.array([(100.0, HORIZON - 50), (100.0, HORIZON)]))).all()


def test_heads_before_a_low_camera_do_not_tell():
    with pytest.raises(ValueError, match="too low"):
        ground(camera=1.6).feet_of(np.zeros((1, 2)))
