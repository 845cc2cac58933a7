import json

import numpy as np
import pytest

from throng.gan.metrics.comparison import Options, distances
from throng.gan.metrics.distances import frechet_of, kernel_distance

FEW = Options(resamples=5, windows=3)


def _features(number: int, dim: int = 3, seed: int = 0, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (number, dim))


def test_all_distances_are_measured_alike_each_time_and_can_be_written_as_json() -> None:
    real, fake = _features(30), _features(20, seed=1, mean=1.0)
    labels, asked = np.arange(30) % 2, np.arange(20) % 2

    def measured() -> dict:
        return json.loads(json.dumps(distances(real, fake, labels, asked, "class", FEW), allow_nan=False))

    found = measured()
    assert found == measured()
    assert found["frechet"]["value"] == frechet_of(real, fake)
    assert found["frechet"]["interval"][0] < found["frechet"]["value"] < found["frechet"]["interval"][1]
    assert found["kernel"]["value"] == kernel_distance(real, fake).value
    assert found["frechet_infinity"] is not None
    assert found["along_score"] is None
    counted = found["within_classes"]["kernel"]["classes"]
    assert {key: (one["real"], one["fake"]) for key, one in counted.items()} == {"0": (15, 10), "1": (15, 10)}
    first = real[::2], fake[::2]
    assert found["within_classes"]["frechet"]["classes"]["0"]["value"] == pytest.approx(frechet_of(*first))
    assert counted["0"]["value"] == pytest.approx(kernel_distance(*first).value)


def test_copies_are_close_and_precise_and_what_is_far_is_neither() -> None:
    real, none = _features(40), np.zeros(40)
    copied = distances(real, real, none, none, "none", FEW)
    assert copied["frechet"]["value"] == pytest.approx(0, abs=1e-6)
    assert copied["precision"]["value"] == copied["recall"]["value"] == 1
    assert copied["within_classes"] is None
    far = distances(real, real + 10, none, none, "none", FEW)
    assert far["frechet"]["value"] == pytest.approx(300)
    assert far["precision"]["value"] == far["recall"]["value"] == 0


def test_scores_are_compared_in_sliding_windows() -> None:
    scores = np.linspace(0, 1, 30)
    found = distances(_features(30), _features(30, seed=1, mean=2.0), scores, scores, "score", FEW)
    windows = found["along_score"]["frechet"]["centres"]
    assert len(windows) == 3
    assert all(one["real"] >= 10 and one["value"] > 0 for one in windows.values())
    assert found["along_score"]["kernel"]["mean"] > 0


def test_what_takes_more_images_than_there_are_is_none() -> None:
    few, labels = _features(3, dim=2), np.zeros(3)
    found = distances(few, _features(3, dim=2, seed=1), labels, labels, "none", Options(resamples=0))
    assert found["frechet_infinity"] is found["precision"] is found["recall"] is None
    assert found["frechet"]["interval"] is None
    assert found["frechet"]["value"] > 0
