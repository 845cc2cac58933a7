from __future__ import annotations

import numpy as np
import torch

from throng.gan.pixels import to_images, to_pixels


def test_every_pixel_value_comes_back() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(2, 16, 16, 3).clone()
    pixels[1, 0, 1] = torch.tensor([7, 8, 9])
    images = to_images(pixels)
    assert images.shape == (2, 3, 16, 16)
    assert (images.min(), images.max(), images.dtype) == (-1, 1, torch.float32)
    np.testing.assert_array_equal(to_pixels(images), pixels)


def test_values_beyond_the_nominal_range_are_cut() -> None:
    images = torch.tensor([-3.0, 0.0, 3.0]).reshape(1, 3, 1, 1)
    assert to_pixels(images).flatten().tolist() == [0, 128, 255]
