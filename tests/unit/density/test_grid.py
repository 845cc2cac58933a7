"""Cells around people and their components."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from tests.unit.density.scenes import crowd_of, random_crowd, standing
from throng.density.crowd import Crowd
from throng.density.floor import floor_of
from throng.density.grid import CELL_BODIES, CELL_M, PEOPLE_PER_CELL, PEOPLE_PER_M2, cells
from throng.density.ground import Ground
from throng.errors import ThrongError

SCENES = st.builds(lambda seed, flat: random_crowd(seed, perspective=not flat), st.integers(0, 2**32), st.booleans())


@settings(max_examples=300, deadline=None)
@given(SCENES)
def test_components_are_those_of_a_graph_library(crowd: Crowd):
    feet, heights = standing(crowd)
    found = cells("grid", crowd)
    if len(feet) == 0:
        assert found.component.shape == (0,)
        return
    inside = (np.abs(feet[:, None] - feet[None]) <= heights[:, None, None] * np.array(CELL_BODIES) / 2).all(2)
    _, expected = connected_components(inside | inside.T, directed=False)
    same = found.component[:, None] == found.component[None]
    assert (same == (expected[:, None] == expected[None])).all()
    sizes = np.bincount(found.component)
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    assert found.largest.sum() == sizes[0]


@settings(max_examples=200, deadline=None)
@given(SCENES)
def test_the_corners_enclose_who_is_counted(crowd: Crowd):
    feet, _ = standing(crowd)
    found = cells("grid", crowd)
    assert found.corners.shape == (len(feet), 4, 2)
    low, high = found.corners.min(1), found.corners.max(1)
    enclosed = ((feet[None] >= low[:, None] - 1e-6) & (feet[None] <= high[:, None] + 1e-6)).all(2)
    assert enclosed.sum(1).tolist() == found.people.tolist()


def test_metre_cells_are_squares_on_the_ground():
    ground = Ground(100.0, 320.0, 4.0, 800.0, (4.0, 4.0), (800.0, 800.0))
    metres = np.array([(0.0, 12.0), (1.4, 12.0), (0.0, 13.6), (-5.0, 30.0)])
    feet = ground.to_pixels(metres)
    found = cells("grid-metres", crowd_of(640, 480, feet, np.full(4, 80.0), ground))
    assert found.people.tolist() == [2, 2, 1, 1]
    assert found.component.tolist() == [0, 0, 1, 2]
    assert found.values.tolist() == [2 / 9, 2 / 9, 1 / 9, 1 / 9]
    corners = ground.to_metres(found.corners.reshape(-1, 2)).reshape(-1, 4, 2) - metres[:, None]
    assert np.abs(corners) == pytest.approx(np.full((4, 4, 2), CELL_M / 2))
    assert np.allclose(np.ptp(corners, axis=1), CELL_M)


def test_units_say_what_a_value_is():
    crowd = random_crowd(1, perspective=True)
    assert cells("grid", crowd).unit == PEOPLE_PER_CELL
    assert cells("grid-metres", crowd).unit == PEOPLE_PER_M2


def test_a_body_on_the_border_of_a_cell_stays_in_it_at_every_size():
    for factor in np.linspace(0.5, 2, 301):
        feet = np.array([(100.0, 200.0), (190.0, 200.0), (100.0, 222.5)]) * factor
        found = cells("grid", crowd_of(600, 400, feet, np.array([90.0, 10.0, 10.0]) * factor, None))
        assert found.people.tolist() == [3, 1, 1]


def test_the_one_scale_is_that_of_the_median_body():
    feet = np.array([(100.0, 100.0), (229.0, 100.0), (300.0, 300.0)])
    crowd = crowd_of(640, 480, feet, np.array([80.0, 168.5, 400.0]), None)
    floor = floor_of(crowd)
    assert floor is not None
    assert floor.pixels_per_metre == pytest.approx(100)
    assert cells("grid-metres", crowd).people.tolist() == [2, 2, 1]
    assert np.ptp(cells("grid-metres", crowd).corners, axis=1) == pytest.approx(np.full((3, 2), 100 * CELL_M))


def test_a_window_of_sky_has_one_scale():
    ground = Ground(600.0, 320.0, 4.0, 800.0, (4.0, 4.0), (800.0, 800.0))
    crowd = crowd_of(640, 480, np.array([(100.0, 620.0)]), np.array([50.0]), ground)
    assert cells("grid-metres", crowd).flags == ("one-scale",)


def test_cells_next_to_the_camera_stay_finite():
    ground = Ground(-200.0, 320.0, 1.6, 500.0, (1.6, 1.6), (500.0, 500.0))
    feet = np.array([(320.0, 470.0), (320.0, 900.0)])
    found = cells("grid-metres", crowd_of(640, 480, feet, np.array([500.0, 900.0]), ground))
    assert np.isfinite(found.corners).all()
    assert np.abs(found.corners).max() < 1e5


def test_other_methods_have_no_cells():
    with pytest.raises(ThrongError, match="'kde' has no cells"):
        cells("kde", Crowd(64, 64, 0))
