"""How much of a scene stays: known scenes."""

import numpy as np
import pytest

from tests.unit.gan.conditioning.world import dots, obedient
from throng.gan.conditioning.preservation import difference, preservation


def means(pixels):
    return pixels.reshape(len(pixels), 8, 4, 8, 4, 3).mean((2, 4)).reshape(len(pixels), -1)


def measured(pixels):
    counted = np.stack([dots(scene) for scene in pixels])
    return preservation(
        pixels, counted, changed=0.5, describe=means, draws=100, random=np.random.default_rng(0)
    ), counted


def test_scenes_where_only_people_come_are_kept_and_others_are_not():
    pixels = obedient(20)
    found, counted = measured(pixels)
    shuffled = np.stack([np.roll(pixels[:, label], label, axis=0) for label in range(3)], 1)
    other, _ = measured(shuffled)
    assert found["kept"]["pixels"]["value"] > 0.75
    assert found["kept"]["features"]["value"] > 0.75
    assert abs(other["kept"]["pixels"]["value"]) < 0.3
    last = found["pairs"][1]
    assert (last["first"], last["last"]) == (0, 2)
    assert last["more_people"] == pytest.approx((counted[:, 2] - counted[:, 0]).mean())
    assert sum(one["pairs"] for one in found["curve"]) == 60
    changes = [one["change"] for one in found["curve"]]
    assert changes == sorted(changes)


def test_a_generator_without_labels_keeps_every_scene():
    still = np.repeat(obedient(6)[:, :1], 3, axis=1)
    found, _ = measured(still)
    assert found["kept"]["pixels"]["value"] == 1
    assert all(one["change"] == 0 and one["features"] == 0 for one in found["curve"])


def test_difference_is_in_grey_levels():
    first, second = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 30, np.uint8)
    second[0, 0] = (0, 0, 255)
    assert difference(first, second).tolist() == [[85, 30], [30, 30]]
