import numpy as np
import pytest
import torch

from tests.unit.gan.metrics.stand_ins import Linear
from throng.errors import ThrongError
from throng.gan.labels import Fourier, OneHot
from throng.gan.metrics.drawing import drawn, labels_like, latents_of, noise
from throng.gan.stylegan3 import Generator

LABELS = np.array([0, 1, 1, 0, 1, 0, 0])


def test_image_depends_on_its_seed_number_and_label_whatever_the_batch_size() -> None:
    torch.manual_seed(0)
    generator = Generator(resolution=16, cbase=256, cmax=8, c_dim=2, z_dim=8, w_dim=8, layers=3)
    whole = np.concatenate(list(drawn(generator, OneHot(2), LABELS, seed=5, batch_size=7)))
    assert (whole.shape, whole.dtype) == ((7, 16, 16, 3), np.uint8)
    batches = list(drawn(generator, OneHot(2), LABELS, seed=5, batch_size=3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    difference = np.abs(np.concatenate(batches).astype(int) - whole)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
    again = np.concatenate(list(drawn(generator, OneHot(2), LABELS, seed=5, batch_size=7)))
    np.testing.assert_array_equal(again, whole)
    other = np.concatenate(list(drawn(generator, OneHot(2), LABELS, seed=6, batch_size=7)))
    assert (other != whole).any((1, 2, 3)).all()


def test_random_numbers_of_an_image_are_its_own_to_the_bit() -> None:
    assert torch.equal(noise(1, range(10), 6)[4:7], noise(1, [4, 5, 6], 6))
    assert not torch.equal(noise(1, [4], 6), noise(2, [4], 6))
    numbers = noise(0, range(400), 50)
    assert abs(float(numbers.mean())) < 0.03
    assert float(numbers.std()) == pytest.approx(1, abs=0.02)


def test_labels_reach_the_generator_encoded_and_truncation_too() -> None:
    generator = Linear(c_dim=2)
    latents = latents_of(generator, OneHot(2), np.array([1, 0]), [3, 4], seed=0, truncation=0.5)
    np.testing.assert_array_equal(latents[:, 5:], [[0, 0.5], [0.5, 0]])
    assert torch.equal(latents[:, :5], 0.5 * noise(0, [3, 4], 5))


def test_scores_at_the_end_of_their_range_are_not_rounded_out_of_it() -> None:
    top = 0.1 + 1e-12
    assert latents_of(Linear(c_dim=4), Fourier((0.0, top), 2), np.array([top]), [0], seed=0).shape == (1, 9)


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ThrongError, match="encoded as 3 numbers, the generator takes 2"):
        latents_of(Linear(c_dim=2), OneHot(3), np.array([1]), [0], seed=0)
    with pytest.raises(ThrongError, match="2 images need as many labels, not 1"):
        latents_of(Linear(), None, np.zeros(1), [0, 1], seed=0)
    with pytest.raises(ThrongError, match="no training labels"):
        labels_like(np.zeros(0), 3, seed=0)


def test_labels_are_drawn_as_often_as_in_training() -> None:
    training = np.array([0] * 90 + [1] * 10)
    drawn_labels = labels_like(training, 5000, seed=1)
    assert drawn_labels.mean() == pytest.approx(0.1, abs=0.02)
    np.testing.assert_array_equal(drawn_labels, labels_like(training, 5000, seed=1))
    assert labels_like(np.zeros((4, 3)), 6, seed=0).shape == (6, 3)
