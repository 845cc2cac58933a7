"""The density field: nobody is lost, and it is what a direct evaluation says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.density.scenes import crowd_of, random_crowd, standing
from throng.density import kde
from throng.density.crowd import Crowd
from throng.density.ground import Ground
from throng.errors import ThrongError

SCENES = st.builds(lambda seed, flat: random_crowd(seed, perspective=not flat), st.integers(0, 2**32), st.booleans())
GROUND = Ground(90.0, 319.5, 4.0, 700.0, (4.0, 4.0), (700.0, 700.0))


def direct(crowd: Crowd, ground: Ground, step: int) -> np.ndarray:
    """People per block from the density at every one of 3 x 3 points of every pixel, times the ground it shows."""
    feet, _ = standing(crowd)
    at = (np.arange(3 * crowd.width) + 0.5) / 3 - 0.5, (np.arange(3 * crowd.height) + 0.5) / 3 - 0.5
    below = at[1] - ground.horizon
    rows = below > 0
    depth = np.where(rows, ground.focal_px * ground.camera_height_m / np.where(rows, below, 1), 1e9)
    area = np.where(rows, depth**3 / (ground.focal_px**2 * ground.camera_height_m), 0) / 9
    blocks = np.zeros((-(-crowd.height // step), -(-crowd.width // step)))
    for x, z in ground.to_metres(feet):
        aside = (at[0] - ground.centre) * depth[:, None] / ground.focal_px
        mass = np.exp(-((aside - x) ** 2 + (depth[:, None] - z) ** 2) / 2) * area[:, None]
        fine = np.pad(mass / mass.sum(), [(0, 3 * step * n - m) for n, m in zip(blocks.shape, mass.shape, strict=True)])
        blocks += fine.reshape(blocks.shape[0], 3 * step, blocks.shape[1], 3 * step).sum((1, 3))
    return blocks


@settings(max_examples=500, deadline=None)
@given(SCENES, st.integers(5, 60), st.floats(0.2, 5))
def test_nobody_is_lost(crowd: Crowd, step: int, bandwidth: float):
    field = kde.field(crowd, step=step, bandwidth_m=bandwidth)
    assert field.people.shape == field.per_m2.shape == (-(-crowd.height // step), -(-crowd.width // step))
    assert field.people.sum(dtype=float) == pytest.approx(len(standing(crowd)[0]), rel=1e-5)
    assert field.people.min() >= 0
    assert np.isfinite(field.per_m2).all()


def test_people_outside_the_window_and_in_the_sky_are_at_its_edge():
    feet = np.array([(320.0, 800.0), (-400.0, 300.0), (900.0, 20.0), (100.0, -50.0), (300.0, 89.0)])
    field = kde.field(crowd_of(640, 480, feet, np.full(5, 60.0), GROUND), step=4)
    assert field.people.sum(dtype=float) == pytest.approx(5, rel=1e-5)
    assert field.people[:22].sum() == 0
    assert field.people[22:24].sum() == pytest.approx(3, rel=1e-3)
    lone = kde.field(crowd_of(640, 480, feet[:1], np.full(1, 60.0), GROUND), step=4).people
    edge = kde.field(crowd_of(640, 480, np.array([(320.0, 479.5)]), np.full(1, 60.0), GROUND), step=4).people
    assert (lone == edge).all()


@pytest.mark.parametrize("step", [4, 7, 16])
def test_the_field_is_the_direct_evaluation(step: int):
    rng = np.random.default_rng(2)
    depth = rng.uniform(7.5, 26, 25)
    metres = np.stack([rng.uniform(-0.45, 0.45, 25) * depth * 640 / 700, depth], 1)
    crowd = crowd_of(640, 480, GROUND.to_pixels(metres), np.full(25, 60.0), GROUND)
    ours, theirs = kde.field(crowd, step=step).people, direct(crowd, GROUND, step)
    assert np.abs(ours - theirs).sum() < 0.005 * 25


def test_per_square_metre_is_what_people_in_the_midst_experience():
    rng = np.random.default_rng(3)
    metres = np.stack([rng.uniform(-4, 4, 300), rng.uniform(10, 20, 300)], 1)
    crowd = crowd_of(640, 480, GROUND.to_pixels(metres), np.full(300, 60.0), GROUND)
    field, density = kde.field(crowd, step=2), kde.at_people(metres)
    midst = (np.abs(metres[:, 0]) < 1) & (np.abs(metres[:, 1] - 15) < 2)
    feet = standing(crowd)[0][midst]
    column, row = ((feet + 0.5) // field.step).astype(int).T
    assert field.per_m2[row, column] == pytest.approx(density[midst], rel=0.05)


def test_a_uniform_crowd_has_its_density():
    x, z = np.meshgrid(np.arange(-20, 20.1, 0.5), np.arange(-20, 20.1, 0.5))
    density = kde.at_people(np.stack([x.ravel(), z.ravel()], 1)).reshape(x.shape)
    assert density[30:-30, 30:-30] == pytest.approx(np.full((21, 21), 4.0), rel=1e-3)
    assert kde.at_people(np.zeros((1, 2))) == pytest.approx([1 / (2 * np.pi)])


def test_without_a_ground_the_window_is_a_plan():
    crowd = crowd_of(1000, 1000, np.array([(499.5, 499.5)]), np.array([168.5]), None)
    field = kde.field(crowd, step=10)
    assert field.flags == ("one-scale",)
    assert field.people == pytest.approx(field.people[::-1, ::-1], abs=1e-6)
    assert field.per_m2.max() == pytest.approx(1 / (2 * np.pi), rel=0.01)
    assert field.per_m2.sum() * 0.1**2 == pytest.approx(1, rel=1e-4)


def test_a_window_without_people_scale_or_positions_has_an_empty_field():
    for crowd, reason in (
        (Crowd(640, 480, 0), ""),
        (Crowd(640, 480, 4), "no positions"),
        (Crowd(640, 480, 1, np.array([(5.0, 5.0)])), "no scale"),
    ):
        field = kde.field(crowd)
        assert field.reason.split(":")[0] == reason
        assert field.people.sum() == field.per_m2.sum() == 0


@pytest.mark.parametrize(("step", "bandwidth"), [(0, 1.0), (4, 0.0), (4, float("nan"))])
def test_a_step_or_bandwidth_that_is_not_positive_is_refused(step: int, bandwidth: float):
    with pytest.raises(ThrongError, match="positive step and bandwidth"):
        kde.field(random_crowd(1, perspective=True), step=step, bandwidth_m=bandwidth)
