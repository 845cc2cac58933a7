"""The drawn set as heads see it, and what is said of margins."""

import numpy as np
import pytest

from throng.errors import ThrongError
from throng.probing.classes import LayerScore, class_pictures, margin
from throng.probing.shapes import shape_set
from throng.probing.summary import verdict


def test_validation_is_the_centre_and_training_is_crops_of_other_pictures():
    shown = class_pictures(2, pictures=10, validation=12, side=40, crop=32, views=3)
    drawn, kinds = shape_set(2, "val", 12, 40)
    assert np.array_equal(shown.validation, drawn[:, 4:36, 4:36])
    assert np.array_equal(shown.validation_kinds, kinds)
    trained, _ = shape_set(2, "train", 10, 40)
    assert shown.train.shape == (30, 32, 32, 3) and shown.train_kinds.tolist() == [n // 3 for n in range(30)]
    for number, crop in enumerate(shown.train):
        windows = np.lib.stride_tricks.sliding_window_view(trained[number // 3], (32, 32, 3)).reshape(-1, 32, 32, 3)
        assert any((windows == one).all((1, 2, 3)).any() for one in (crop, crop[:, ::-1]))


def test_a_crop_larger_than_the_pictures_is_refused():
    with pytest.raises(ThrongError, match="a crop of 64 pixels does not fit into pictures of 48 pixels"):
        class_pictures(0, pictures=10, validation=10, side=48, crop=64, views=1)


def test_margins_are_points_between_paired_hits():
    trained, random = np.array([1, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool)
    alone = margin([trained], [random])
    assert alone["points"] == 50 and alone["points_runs_95"] is None
    two = margin([trained, random], [random, random])
    assert two["points"] == 25 and two["points_runs_95"][0] < 0 < two["points_runs_95"][1]
    # pictures that both tell, or neither, are no evidence: without a difference there is no interval
    assert margin([random], [random])["points_95"] == [0, 0]


def test_a_verdict_names_the_layers_in_the_middle_and_says_which_way():
    better, worse = np.ones(200, bool), np.arange(200) % 4 == 0
    layers = [f"conv{number}" for number in range(1, 6)]
    trained = [LayerScore(layer, 10, better if layer == "conv3" else worse) for layer in layers]
    random = [LayerScore(layer, 10, better if layer == "conv4" else worse) for layer in layers]
    found = verdict("pretext", {"seed-1": trained}, {"seed-1": random, "seed-2": trained})
    assert found["sentence"].startswith("pretext: conv3 beats random init by 75.0 points (+")
    assert "conv4 falls behind random init by 75.0 points (-" in found["sentence"]
    assert found["margins"]["conv1"]["points"] == 0 and found["runs"] == ["seed-1"]
