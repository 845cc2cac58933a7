"""Looks: drawn once, done alike, and boxes that go where their pixels go."""

import numpy as np
import pytest

from throng.ranking.appearance import random_look
from throng.sections.pretrain_rank import Appearance

NOTHING = Appearance(mirror=False, zoom_out=0, resize=1, brightness=0, contrast=0, colour=0, blur=0, noise=0, jpeg=100)


def picture(seed=0):
    rng = np.random.default_rng(seed)
    smooth = rng.integers(0, 256, (6, 8, 3)).repeat(8, 0).repeat(8, 1)
    return smooth.astype(np.uint8)


def look(seed, **keys):
    return random_look(NOTHING.model_copy(update=keys), picture(), np.random.default_rng(seed))


def test_without_any_change_a_picture_stays_as_it_is():
    assert np.array_equal(look(0)(picture()), picture())


@pytest.mark.parametrize("seed", range(6))
def test_equal_pictures_stay_equal_and_another_draw_looks_different(seed):
    drawn = random_look(Appearance(), picture(), np.random.default_rng(seed))
    first, second = drawn(picture()), drawn(picture().copy())
    assert first.shape == picture().shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert not np.array_equal(first, random_look(Appearance(), picture(), np.random.default_rng(99))(picture()))


@pytest.mark.parametrize(
    "keys",
    [
        {"zoom_out": 0.5},
        {"resize": 0.3},
        {"brightness": 0.2},
        {"contrast": 0.3},
        {"colour": 0.1},
        {"blur": 2.0},
        {"noise": 20.0},
        {"jpeg": 20},
    ],
)
def test_every_key_changes_pictures_by_itself(keys):
    changed = [not np.array_equal(look(seed, **keys)(picture()), picture()) for seed in range(8)]
    assert any(changed)
    plain = next(index for index, one in enumerate(changed) if one)
    assert np.array_equal(look(plain, **keys)(picture()), look(plain, **keys)(picture()))


def test_the_mirror_is_a_mirror_for_half_of_the_draws():
    mirrored = [np.array_equal(look(seed, mirror=True)(picture()), picture()[:, ::-1]) for seed in range(200)]
    assert 70 < sum(mirrored) < 130


def test_boxes_go_where_their_pixels_go():
    black = np.zeros((60, 80, 3), np.uint8)
    black[12:24, 40:60] = 255
    moved = 0
    for seed in range(20):
        drawn = random_look(
            NOTHING.model_copy(update={"mirror": True, "zoom_out": 0.5}), black * 0, np.random.default_rng(seed)
        )
        rows, columns = np.nonzero(drawn(black)[:, :, 0] > 127)
        (box,) = drawn.moved(np.array([[40.0, 12.0, 60.0, 24.0]]), (60, 80))
        assert box == pytest.approx([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], abs=1)
        moved += drawn.zoom < 0.9
    assert moved
