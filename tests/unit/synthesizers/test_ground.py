import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.synthesizers.ground import GroundPlane, fit_ground_plane


def test_exact_heights_give_the_plane():
    feet = np.linspace(200, 700, 12)
    plane = fit_ground_plane(feet, 0.4 * (feet - 60), 768)
    assert plane is not None
    assert (plane.slope, plane.horizon) == (pytest.approx(0.4), pytest.approx(60))


@pytest.mark.parametrize(
    ("feet", "heights"),
    [
        ([], []),
        ([100, 200, 300], [40, 80, 120]),
        ([300.0] * 9, [80.0] * 9),
        ([300, 301, 302, 303, 304, 305, 306], [80, 81, 82, 83, 84, 85, 86]),
        ([100, 200, 300, 400, 500, 600], [160, 130, 100, 70, 40, 10]),
        ([100, 150, 200, 250, 300, 350, 400, 450], [20, 300, 25, 8, 150, 400, 10, 60]),
    ],
    ids=["nobody", "few", "one row", "no spread", "shrinking", "no plane"],
)
def test_people_who_determine_no_plane(feet, heights):
    assert fit_ground_plane(np.array(feet, float), np.array(heights, float), 768) is None


@given(st.floats(0.2, 1.2), st.floats(-100, 100), st.floats(120, 700), st.floats(0, 1023))
def test_ground_and_image_are_inverse_and_nearer_is_taller(slope, horizon, row, column):
    plane = GroundPlane(slope, horizon)
    feet = np.array([(column, row), (column, row + 10)])
    ground = plane.to_ground(feet, 1024)
    assert plane.to_image(ground, 1024) == pytest.approx(feet)
    assert ground[1, 1] < ground[0, 1]
    assert plane.height_at(row + 10) > plane.height_at(row)
    assert plane.foot_of(float(plane.height_at(row))) == pytest.approx(row)


def test_a_metre_aside_is_a_metre_at_that_depth():
    plane = GroundPlane(0.5, 100.0)
    ground = plane.to_ground(np.array([(400.0, 440.0), (500.0, 440.0)]), 1024)
    assert ground[1, 0] - ground[0, 0] == pytest.approx(100 / (170 / 1.7))


def test_one_position_is_where_many_are():
    plane = GroundPlane(0.4, 30.0)
    ground = np.array([(-2.0, 9.0), (0.5, 4.0), (7.0, 30.0)])
    expected = plane.to_image(ground, 1024)
    assert [plane.pixel_of(*position, 1024) for position in ground.tolist()] == [
        tuple(row) for row in expected.tolist()
    ]
