"""Bodies from head points: on a plane seen in perspective, heights are right; nothing else breaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throng.detectors.body import body_boxes, body_heights
from throng.tables.images import Point

HEIGHT, WIDTH = 768, 1024


def crowd(people: int, horizon: float, slope: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Place pairs of neighbours a ninth of a person's height apart, at many depths of a plane."""
    random = np.random.default_rng(seed)
    y = random.uniform(40, HEIGHT - 40, people // 2)
    tall = slope * (y - horizon)
    x = random.uniform(0, WIDTH, people // 2)
    heads = np.concatenate([np.stack([x, y], 1), np.stack([x + tall / 9, y], 1)])
    return heads, np.concatenate([tall, tall])


@pytest.mark.parametrize(("people", "horizon", "slope"), [(80, -200, 0.2), (80, 0, 0.4), (600, -500, 0.05)])
def test_a_perspective_is_recovered_from_the_closest_neighbours(people, horizon, slope):
    heads, tall = crowd(people, horizon, slope, seed=1)
    ratio = body_heights(heads, HEIGHT, head_to_body=9.0) / tall
    assert np.median(np.abs(np.log(ratio))) < 0.35
    assert np.corrcoef(ratio * tall, tall)[0, 1] > 0.99


def test_more_distant_people_are_never_taller():
    heads, _ = crowd(100, -100, 0.3, seed=2)
    tall = body_heights(heads, HEIGHT, head_to_body=9.0)
    assert (np.diff(tall[np.argsort(heads[:, 1])]) >= -1e-6).all()


def test_a_single_head_gets_the_typical_perspective():
    (box,) = body_boxes([Point(x=500.0, y=384.0)], WIDTH, HEIGHT, 9.0)
    assert box["h"] == pytest.approx(0.58 * 0.2 * 768)
    assert box["w"] / box["h"] == pytest.approx(0.41)
    assert box["x"] + box["w"] / 2 == pytest.approx(500)
    assert box["y"] < 384 < box["y"] + 0.15 * box["h"]


def test_nobody_gives_nothing():
    assert body_boxes([], WIDTH, HEIGHT, 9.0) == []


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(-50, 3000, width=32)),
    st.integers(1, 3000),
)
def test_any_heads_get_finite_sane_heights(heads, height):
    tall = body_heights(heads, height, head_to_body=9.0)
    assert np.isfinite(tall).all()
    assert (tall >= min(4, height) - 1e-6).all()
    assert (tall <= max(4, height) + 1e-6).all()
