import numpy as np
import pytest

from throng.errors import ThrongError
from throng.gan.metrics.distances import along_label, by_class


def _between_means(one: np.ndarray, other: np.ndarray) -> float:
    return float(abs(one.mean() - other.mean()))


def test_a_generator_that_swaps_classes_is_found_out_within_them() -> None:
    values, classes = np.repeat([[0.0], [10.0]], 4, axis=0), np.repeat([0, 1], 4)
    assert by_class(values, classes, values, classes, _between_means)["mean"] == 0
    swapped = by_class(values, classes, values[::-1], classes, _between_means)
    assert swapped["mean"] == 10
    assert swapped["classes"]["1"] == {"value": 10, "real": 4, "fake": 4}


def test_a_class_without_enough_images_has_no_value_and_is_counted() -> None:
    values, classes = np.arange(6.0)[:, None], np.array([0, 0, 0, 0, 0, 2])
    found = by_class(values, classes, values, classes, _between_means)
    assert found["classes"]["2"] == {"value": None, "real": 1, "fake": 1}
    assert found["mean"] == 0
    alone = by_class(values[:1], classes[:1], values[:1], classes[:1], _between_means)
    assert alone["mean"] is None


def test_windows_slide_along_a_score() -> None:
    scores = np.linspace(0, 10, 101)
    values = scores[:, None]
    found = along_label(values, scores, values + scores[:, None], scores, _between_means, centres=5)
    assert found["radius"] == 2
    assert list(found["centres"]) == ["1", "3", "5", "7", "9"]
    assert found["centres"]["5"] == {"value": pytest.approx(5), "real": 41, "fake": 41}
    # at the ends windows are cut: 0..3 and 7..10
    assert found["centres"]["1"]["value"] == pytest.approx(1.5)
    assert found["mean"] == pytest.approx(5)


def test_labels_that_do_not_match_the_images_are_refused() -> None:
    values = np.zeros((3, 1))
    with pytest.raises(ThrongError, match="3 images need one label each"):
        by_class(values, np.zeros(2), values, np.zeros(3), _between_means)
    with pytest.raises(ThrongError, match="1 centre at least"):
        along_label(values, np.zeros(3), values, np.zeros(3), _between_means, centres=0)
