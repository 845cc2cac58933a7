"""The blur of what the discriminator sees at the beginning of a training of StyleGAN3-R, and how it fades.

Karras et al. (2021, StyleGAN3), appendix F.2 ("we blur all images the discriminator sees").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from throng.gan.mirror import apply_matrices, filtering

START = 10.0


def fade_images(batch_size: int) -> float:
    """Return after how many images the blur is gone: 200 000 at a batch of 32, in proportion to the batch."""
    return batch_size * 200_000 / 32


def blur_sigma(images_seen: int, fade: float, start: float = START) -> float:
    """Return the blur's sigma in pixels: ``start``, falling linearly to 0 over the first ``fade`` images."""
    return start * max(0.0, 1 - images_seen / fade) if fade > 0 else 0.0


def blur(images: Tensor, sigma: float) -> Tensor:
    """Return images (B, C, R, R) under the kernel 2^(-(x / sigma)^2), cut at 3 sigma, mirrored beyond their edges.

    Differentiable any number of times. Below a third of a pixel nothing is left of the kernel but its middle, and the
    very tensor that was given is returned.
    """
    radius = math.floor(3 * sigma)
    if radius < 1:
        return images
    taps = torch.exp2(-((torch.arange(-radius, radius + 1, dtype=torch.float64) / sigma) ** 2))
    matrix = filtering(tuple((taps / taps.sum()).tolist()), images.shape[-1]).to(images)
    return apply_matrices(images, matrix, matrix)
