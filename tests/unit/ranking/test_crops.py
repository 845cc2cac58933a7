"""Nested windows: inside the frame, inside each other, about an anchor near the middle."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from throng.ranking.crops import contains, nested_windows


@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    number=st.integers(2, 12),
    shrink=st.floats(0.05, 0.999),
    anchor=st.floats(0, 0.999),
    least=st.integers(1, 64),
    seed=st.integers(0, 2**32),
)
def test_each_window_is_inside_the_one_before(width, height, number, shrink, anchor, least, seed):
    windows = nested_windows(
        width, height, number=number, shrink=shrink, anchor=anchor, least=least, random=np.random.default_rng(seed)
    )
    frame = {"x": 0, "y": 0, "w": width, "h": height}
    assert len(windows) <= number
    assert len(windows) == number or not windows or int(windows[-1]["w"] * shrink) < least
    for outer, inner in itertools.pairwise([frame, *windows]):
        assert contains(outer, inner)
        assert outer is frame or outer["w"] > inner["w"]
    assert all(window["w"] == window["h"] >= least for window in windows)


def test_sides_about_the_middle_are_those_of_the_paper():
    windows = nested_windows(1024, 768, number=5, shrink=0.75, anchor=0.0, least=1, random=np.random.default_rng(0))
    assert [window["w"] for window in windows] == [768, 576, 432, 324, 243]
    assert windows[0] == {"x": 128, "y": 0, "w": 768, "h": 768}
    assert windows[1] == {"x": 224, "y": 96, "w": 576, "h": 576}


def test_centres_fill_the_central_eighth_and_stay_in_it():
    centres = []
    for seed in range(500):
        windows = nested_windows(
            800, 800, number=2, shrink=0.5, anchor=0.125, least=1, random=np.random.default_rng(seed)
        )
        small = windows[-1]
        centres.append((small["x"] + small["w"] / 2, small["y"] + small["h"] / 2))
        assert windows[0]["w"] >= 700, "the largest square about the anchor"
    spread = np.array(centres) - 400
    assert np.abs(spread).max() <= 50 + 1
    assert np.all(spread.max(axis=0) > 45) and np.all(spread.min(axis=0) < -45)


def test_an_image_too_small_has_no_windows():
    assert not nested_windows(1, 1, number=5, shrink=0.75, anchor=0.125, least=32, random=np.random.default_rng(0))
