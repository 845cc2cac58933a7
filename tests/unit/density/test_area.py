import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.density.cameras import HEIGHT, WIDTH, boxes, ground, image_row, person, places, points
from throng.density.area import RADIUS_M, occupied_m2, people_per_m2, per_m2
from throng.density.crowd import Crowd, Window
from throng.density.ground import Spread
from throng.density.people import Settings, photographed

OVER = ground()
EXACT = Spread()
DISC = math.pi * RADIUS_M**2


def crowd_of(metres: np.ndarray, spread: Spread = EXACT, scale: str = "full-boxes") -> Crowd:
    over = dataclasses.replace(OVER, spread=spread)
    feet = over.to_pixels(np.asarray(metres, float).reshape(-1, 2))
    heads = feet - np.stack([np.zeros(len(feet)), 0.9325 * over.heights_at(feet)], 1)
    return Crowd(WIDTH, HEIGHT, len(feet), heads, feet, over.heights_at(feet), scale, over)


def area(metres: np.ndarray) -> float:
    return occupied_m2(OVER, OVER.to_pixels(np.asarray(metres, float).reshape(-1, 2)), WIDTH, HEIGHT)


def test_one_person_has_a_disc():
    assert area(np.array([(0.0, 20.0)])) == pytest.approx(DISC, rel=0.03)


def test_discs_that_are_apart_add_up_and_equal_ones_do_not():
    assert area(np.array([(-5.0, 25.0), (5.0, 25.0)])) == pytest.approx(2 * DISC, rel=0.03)
    assert area(np.array([(1.3, 20.0)] * 5)) == area(np.array([(1.3, 20.0)]))


def test_two_discs_that_overlap():
    apart = 2.5
    lens = 2 * RADIUS_M**2 * math.acos(apart / 2 / RADIUS_M) - apart / 2 * math.sqrt(4 * RADIUS_M**2 - apart**2)
    assert area(np.array([(0.0, 20.0), (apart, 20.0)])) == pytest.approx(2 * DISC - lens, rel=0.03)


def test_the_edge_of_the_window_cuts_the_disc():
    edge = 20 * (WIDTH / 2) / OVER.focal_px
    assert area(np.array([(edge - 0.01, 20.0)])) == pytest.approx(DISC / 2, rel=0.05)


def test_a_crowd_without_end_has_its_own_density():
    x, z = np.meshgrid(np.arange(-30, 30, 0.7), np.arange(5, 80, 0.7))
    metres = np.stack([x.ravel(), z.ravel()], 1)
    crowd = crowd_of(metres).within(Window(200, 250, 600, 500))
    assert crowd.feet is not None
    assert len(crowd.feet) > 100
    found = people_per_m2(crowd)
    assert found is not None
    assert found.people_per_m2 == pytest.approx(1 / 0.49, rel=0.1)
    assert found.p95 == pytest.approx(1 / 0.49, rel=0.1)
    assert found.area_m2 == pytest.approx(len(crowd.feet) / found.people_per_m2)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_moving_the_crowd_on_the_ground_changes_nothing(number, seed):
    rng = np.random.default_rng(seed)
    metres = np.stack([rng.uniform(-3, 3, number), rng.uniform(24, 30, number)], 1)
    step = RADIUS_M / 10
    assert area(metres) == pytest.approx(area(metres + np.array((7 * step, -5 * step))), rel=1e-3)
    assert area(metres) <= number * DISC * 1.03


@settings(max_examples=20, deadline=None)
@given(scale=st.sampled_from([0.5, 2.0, 3.0]), seed=st.integers(0, 1000))
def test_resizing_the_image_changes_no_density(scale, seed):
    metres = places(25, seed)
    over = ground(horizon=150 * scale + (scale - 1) / 2, focal=1000 * scale)
    over = dataclasses.replace(over, centre=511.5 * scale + (scale - 1) / 2)
    resized = occupied_m2(over, over.to_pixels(metres), round(WIDTH * scale), round(HEIGHT * scale))
    assert resized == pytest.approx(area(metres), rel=1e-6)


def test_the_interval_is_that_of_the_camera():
    crowded = np.stack([a.ravel() for a in np.meshgrid(np.linspace(-7, 7, 15), np.linspace(14, 60, 47))], 1)
    exact = people_per_m2(crowd_of(crowded))
    assert exact is not None
    assert exact.low == exact.people_per_m2 == exact.high
    doubts = [Spread(focal=0.2), Spread(stature=0.03), Spread(slope=0.05), Spread(horizon_px=5.0)]
    widths = []
    for spread in doubts:
        found = people_per_m2(crowd_of(crowded, spread))
        assert found is not None
        assert found.low < found.people_per_m2 < found.high
        widths.append(math.log(found.high / found.low))
    alltogether = people_per_m2(crowd_of(crowded, Spread(5.0, 0.05, 0.0, 0.03, 0.2)))
    assert alltogether is not None
    assert math.log(alltogether.high / alltogether.low) == pytest.approx(math.hypot(*widths), rel=0.02)
    # the crowd is much larger than a disc, so its area goes nearly as the focal length and as the height's square
    assert widths[0] == pytest.approx(2 * 1.96 * 0.2, rel=0.25)
    assert widths[1] == pytest.approx(2 * 1.96 * 2 * 0.03, rel=0.3)


def test_a_camera_that_may_look_down_reaches_lower():
    level, tilted = (people_per_m2(crowd_of(places(30), Spread(focal=0.1, tilt=tilt))) for tilt in (0.0, 0.4))
    assert level is not None
    assert tilted is not None
    assert tilted.low < level.low
    assert (tilted.people_per_m2, tilted.high) == (level.people_per_m2, level.high)


def test_heads_leave_more_doubt_than_feet():
    spread = Spread(slope=0.05, stature=0.03)
    feet, heads = (people_per_m2(crowd_of(places(40), spread, scale)) for scale in ("full-boxes", "detected-boxes"))
    assert feet is not None
    assert heads is not None
    assert heads.high / heads.low > feet.high / feet.low


def test_the_true_density_of_a_planted_crowd_is_in_the_interval():
    rng = np.random.default_rng(8)
    metres = np.stack([rng.uniform(-3, 3, 60), rng.uniform(10, 28, 60)], 1)
    full = boxes(metres, OVER, rng.normal(1.0, 0.05, 60))
    crowd = photographed(image_row(points(full), [person(b) for b in full]), None, Settings())
    found, truth = people_per_m2(crowd), 60 / area(metres)
    assert found is not None
    assert found.low < truth < found.high
    assert found.people_per_m2 == pytest.approx(truth, rel=0.1)


def test_without_a_ground_there_is_no_density():
    assert people_per_m2(dataclasses.replace(crowd_of(places(9)), ground=None)) is None
    assert people_per_m2(Crowd(WIDTH, HEIGHT, 5.0)) is None
    assert people_per_m2(crowd_of(np.zeros((0, 2)))) is None


def test_the_map_holds_everybody():
    crowd = crowd_of(places(30))
    blocks = per_m2(crowd, 8)
    assert blocks.shape == (HEIGHT // 8, WIDTH // 8)
    rows = np.arange(len(blocks)) * 8 + 3.5
    below = rows > OVER.horizon + 20
    metres = np.where(below, 64 * OVER.area_per_pixel(np.where(below, rows, 768.0)), 0)
    assert (blocks * metres[:, None]).sum() == pytest.approx(30, rel=0.02)
