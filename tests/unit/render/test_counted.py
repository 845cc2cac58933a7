"""Frames with exactly so many people, everybody counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.render.scene import make_scene, render_background, render_counted, render_frame


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 3), st.integers(0, 60))
def test_the_count_is_exact_and_nobody_else_is_there(seed, frame_index, count):
    frame = render_counted(make_scene(seed, 0, 160, 120), frame_index, count)
    assert frame.count == len(frame.people) == count
    assert frame.people.counted.all() and (frame.people.visible_pixels > 0).all()
    assert set(np.unique(frame.instances)) - {0} == set(range(1, count + 1))
    assert (np.diff(frame.people.ground_m[:, 1]) >= 0).all()


def test_a_thin_crowd_is_the_frame_itself():
    scene = make_scene(3, 0, 160, 120)
    plain = render_frame(scene, 1, 2)
    assert plain.count == 2
    assert np.array_equal(render_counted(scene, 1, 2).image, plain.image)
    assert np.array_equal(render_counted(scene, 1, 0).image, render_background(scene, 1))


def test_a_dense_crowd_hides_people_and_is_exact_all_the_same():
    scene = make_scene(5, 0, 256, 192)
    assert render_frame(scene, 0, 400).count < 400
    assert render_counted(scene, 0, 400).count == 400


def test_too_many_are_refused():
    with pytest.raises(ThrongError, match="people"):
        render_counted(make_scene(5, 0, 96, 72), 0, 5000)
