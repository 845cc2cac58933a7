import numpy as np
import pytest

from throng.errors import ThrongError
from throng.gan.metrics.memorisation import memorisation, nearness, thumbnails


def test_copies_are_all_found_and_named() -> None:
    training = np.random.default_rng(0).normal(size=(80, 12))
    copied = np.array([7, 7, 30, 79])
    found = memorisation(training, training[copied])
    assert (found["share"], found["copies"]) == (1, 4)
    assert nearness(training[copied], training)[2].tolist() == copied.tolist()
    assert found["median"] == 0
    assert found["nearer"] == 1


def test_near_copies_are_found() -> None:
    rng = np.random.default_rng(1)
    training = rng.normal(size=(200, 12))
    found = memorisation(training, training[:50] + 0.1 * rng.normal(size=(50, 12)))
    assert found["share"] == 1
    assert found["copies"] == 0


def test_an_honest_generator_is_as_near_as_held_out_images_are() -> None:
    rng = np.random.default_rng(2)
    training, held_out, samples = (rng.normal(size=(n, 8)) for n in (400, 1500, 1500))
    found = memorisation(training, samples, held_out, quantile=0.05)
    assert found["interval"][0] < 0.06
    assert found["interval"][1] > 0.04
    assert found["nearer"] == pytest.approx(0.5, abs=0.04)
    assert found["yardstick"] == "held-out images"


def test_dull_samples_that_are_near_to_everything_are_no_copies() -> None:
    rng = np.random.default_rng(3)
    training = rng.normal(size=(300, 40))
    found = memorisation(training, 0.05 * rng.normal(size=(100, 40)))
    assert found["share"] < 0.1


def test_nearness_is_relative_to_the_same_number_of_images_for_samples_and_for_few_training_images() -> None:
    line = np.array([[0.0], [1.0], [3.0]])
    near, distances, images = nearness(np.array([[0.5], [3.0]]), line)
    np.testing.assert_allclose(near, [1, 0])
    assert (distances.tolist(), images[1]) == ([0.5, 0], 2)
    np.testing.assert_allclose(nearness(line, line, within=True)[0], [1 / 2, 1 / 1.5, 2 / 2.5])
    found = memorisation(line, np.array([[0.5]]))
    assert (found["neighbourhood"], found["copies"], found["median"]) == (2, 0, 1)
    assert found["yardstick_median"] == pytest.approx(2 / 3)
    assert memorisation(np.arange(200.0)[:, None], line)["neighbourhood"] == 50


def test_half_a_generator_of_copies_is_half_found() -> None:
    rng = np.random.default_rng(4)
    training = rng.normal(size=(200, 10))
    found = memorisation(training, np.concatenate([training[:100], rng.normal(size=(100, 10))]))
    assert 0.5 <= found["share"] < 0.56


def test_thumbnails_tell_root_mean_square_differences() -> None:
    black = np.zeros((1, 64, 64, 3), np.uint8)
    grey = black + np.uint8(30)
    assert np.linalg.norm(thumbnails(grey) - thumbnails(black)) == pytest.approx(30, rel=1e-5)
    assert thumbnails(black).shape == (1, 32 * 32 * 3)
    assert thumbnails(np.zeros((2, 16, 24, 3), np.uint8)).shape == (2, 16 * 16 * 3)


def test_what_has_no_yardstick_is_refused() -> None:
    rows = np.zeros((5, 2))
    with pytest.raises(ThrongError, match="3 training images at least, not 2"):
        memorisation(rows[:2], rows)
    with pytest.raises(ThrongError, match="draw some"):
        memorisation(rows, rows[:0])
    with pytest.raises(ThrongError, match="between 0 and 1"):
        memorisation(rows, rows, quantile=1.0)
