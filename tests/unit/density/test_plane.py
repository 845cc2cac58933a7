import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.density.plane import Plane, agreeing_people, fit_plane, judge

RNG = np.random.default_rng(5)
ROWS = RNG.uniform(200, 760, 40)


@settings(max_examples=60, deadline=None)
@given(
    slope=st.floats(0.15, 1.5),
    horizon=st.floats(-200, 200),
    people=st.integers(12, 60),
    outliers=st.floats(0, 0.35),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_planted_plane_is_recovered_among_outliers(slope, horizon, people, outliers, seed):
    rng = np.random.default_rng(seed)
    feet = rng.uniform(max(horizon, 0) + 60, 768, people)
    feet[:2] = max(horizon, 0) + 60, 768
    heights = slope * (feet - horizon) * rng.uniform(0.97, 1.03, people)
    wrong = rng.permutation(np.arange(2, people))[: int(outliers * people)]
    heights[wrong] *= rng.choice([0.3, 0.5, 2.0, 3.0], wrong.size)
    plane = fit_plane(feet, heights, 768)
    assert isinstance(plane, Plane)
    rows = np.array([max(horizon, 0) + 100, 700.0])
    assert plane.height_at(rows) == pytest.approx(slope * (rows - horizon), rel=0.08)


@pytest.mark.parametrize("horizon", [-300.0, 0.0, 120.0])
def test_exact_heights_give_the_exact_plane(horizon):
    plane = fit_plane(ROWS, 0.4 * (ROWS - horizon), 768)
    assert isinstance(plane, Plane)
    assert (plane.slope, plane.horizon) == (pytest.approx(0.4), pytest.approx(horizon, abs=1e-6))
    fit = judge(plane, ROWS, 0.4 * (ROWS - horizon))
    assert not isinstance(fit, str)
    assert fit.residual == pytest.approx(0, abs=1e-9)
    assert fit.agreeing.all()


@settings(max_examples=40, deadline=None)
@given(shift=st.floats(-500, 500), scale=st.floats(0.2, 5), seed=st.integers(0, 1000))
def test_moving_and_resizing_the_image_moves_and_resizes_the_plane(shift, scale, seed):
    rng = np.random.default_rng(seed)
    heights = 0.4 * (ROWS - 100) * rng.normal(1, 0.04, len(ROWS))
    plane = fit_plane(ROWS, heights, 768)
    moved = fit_plane(scale * ROWS + shift, scale * heights, round(768 * scale))
    assert isinstance(plane, Plane)
    assert isinstance(moved, Plane)
    assert moved.slope == pytest.approx(plane.slope, rel=1e-6)
    assert moved.horizon == pytest.approx(scale * plane.horizon + shift, abs=1e-4)


@pytest.mark.parametrize(
    ("feet", "heights", "kind"),
    [
        ([], [], "too few people"),
        ([100, 200, 300, 400, 500], [40, 80, 120, 160, 200], "too few people"),
        ([300.0] * 9, [80.0] * 9, "no plane"),
        ([300, 301, 302, 303, 304, 305, 306], [80, 81, 82, 83, 84, 85, 86], "too little depth"),
        ([100, 200, 300, 400, 500, 600], [160, 130, 100, 70, 40, 10], "no plane"),
        ([100, 150, 200, 250, 300, 350, 400, 450], [20, 300, 25, 8, 150, 400, 10, 60], "no plane"),
    ],
)
def test_people_who_determine_no_plane(feet, heights, kind):
    reason = fit_plane(np.array(feet, float), np.array(heights, float), 768)
    assert isinstance(reason, str)
    assert reason.startswith(f"{kind}: ")


def test_the_doubt_is_how_far_planes_of_other_people_are():
    slopes, horizons, fits = [], [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        feet = rng.uniform(200, 760, 30)
        heights = 0.4 * (feet - 100) * rng.normal(1, 0.05, 30)
        plane = fit_plane(feet, heights, 768)
        assert isinstance(plane, Plane)
        fit = judge(plane, feet, heights)
        assert not isinstance(fit, str)
        slopes.append(np.log(plane.slope))
        horizons.append(plane.horizon)
        fits.append((fit.slope_std, fit.horizon_std, fit.correlation))
    slope_std, horizon_std, correlation = np.median(fits, axis=0)
    assert slope_std == pytest.approx(np.std(slopes), rel=0.2)
    assert horizon_std == pytest.approx(np.std(horizons), rel=0.2)
    assert correlation == pytest.approx(np.corrcoef(slopes, horizons)[0, 1], abs=0.1)


def test_who_agrees_is_within_15_percent():
    plane = Plane(0.5, 100.0)
    assert agreeing_people(plane, np.full(4, 300.0), np.array([84.0, 86.0, 114.0, 116.0])).tolist() == [0, 1, 1, 0]
    assert not agreeing_people(plane, np.array([90.0]), np.array([-5.0])).any()
