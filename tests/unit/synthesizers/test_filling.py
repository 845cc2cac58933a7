import numpy as np
import pytest

from throng.synthesizers.filling import fill


def tiles(height=160, width=240):
    """A pavement of tiles of many shades, each 12 pixels wide, that repeats after 48."""
    rows, columns = np.indices((height, width)) // 12
    shades = np.array([[90, 140, 110, 160], [150, 100, 170, 120], [110, 160, 90, 140], [170, 120, 150, 100]], np.uint8)
    return np.repeat(shades[rows % 4, columns % 4][..., None], 3, axis=2)


def window(shape, top, bottom, left, right):
    hole = np.zeros(shape, bool)
    hole[top:bottom, left:right] = True
    return hole


def test_a_repeating_ground_is_restored():
    truth = tiles()
    hole = window(truth.shape[:2], 60, 96, 100, 130)
    damaged = truth.copy()
    damaged[hole] = 255
    filled = fill(damaged, hole)
    assert (np.abs(filled[hole].astype(int) - truth[hole]).max(axis=1) <= 2).mean() > 0.9


def test_what_fills_is_as_rough_as_what_is_around():
    rng = np.random.default_rng(0)
    truth = np.clip(rng.normal(120, 20, (160, 240, 3)), 0, 255).astype(np.uint8)
    hole = window(truth.shape[:2], 50, 120, 80, 160)
    assert fill(truth, hole)[hole].std() == pytest.approx(20, rel=0.25)


@pytest.mark.parametrize("hole", [(0, 40, 0, 50), (100, 160, 200, 240), (70, 71, 90, 91)])
def test_nothing_else_changes_and_it_is_the_same_every_time(hole):
    pixels = tiles()
    mask = window(pixels.shape[:2], *hole)
    filled = fill(pixels, mask)
    assert np.array_equal(filled[~mask], pixels[~mask])
    assert np.array_equal(filled, fill(pixels, mask))
    assert np.array_equal(pixels, tiles())


@pytest.mark.parametrize("shape", [(64, 64), (30, 200)])
def test_where_hardly_anything_is_left_the_rim_is_enough(shape):
    pixels = np.full((*shape, 3), 80, np.uint8)
    mask = np.ones(shape, bool)
    mask[:2] = False
    assert (np.abs(fill(pixels, mask).astype(int) - 80) <= 15).all()


def test_no_hole_no_change():
    assert np.array_equal(fill(tiles(), np.zeros((160, 240), bool)), tiles())
