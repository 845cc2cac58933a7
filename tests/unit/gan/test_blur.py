"""The fading blur of what the discriminator sees."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d
from torch.autograd import gradgradcheck

from throng.gan.blur import blur, blur_sigma, fade_images


def test_sigma_falls_linearly_from_ten_pixels_to_none():
    fade = fade_images(32)
    assert fade == 200_000
    assert fade_images(8) == 50_000
    assert blur_sigma(0, fade) == 10
    assert blur_sigma(50_000, fade) == pytest.approx(7.5)
    assert blur_sigma(200_000, fade) == blur_sigma(10**9, fade) == blur_sigma(0, 0) == 0


@pytest.mark.parametrize("sigma", [0.5, 2.3, 10.0])
def test_equals_scipy_on_the_mirrored_image_even_where_the_kernel_is_wider_than_it(sigma):
    image = np.random.default_rng(0).normal(size=(12, 12))
    place = np.arange(-int(3 * sigma), int(3 * sigma) + 1)
    kernel = 2.0 ** -((place / sigma) ** 2)
    expected = convolve1d(convolve1d(image, kernel / kernel.sum(), 0, mode="reflect"), kernel / kernel.sum(), 1)
    blurred = blur(torch.from_numpy(image)[None, None], sigma)[0, 0].numpy()
    assert np.abs(blurred - expected).max() < 1e-12


def test_no_blur_returns_the_very_tensor():
    images = torch.randn(1, 3, 8, 8)
    assert blur(images, 0.0) is images
    assert blur(images, 0.33) is images


def test_can_be_differentiated_twice():
    images = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(lambda x: blur(x, 1.5).square(), images)
