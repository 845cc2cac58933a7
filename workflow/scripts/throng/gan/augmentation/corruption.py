"""Noise and cutout (Karras et al., 2020, ADA, appendix B, "image-space corruptions"; DeVries and Taylor, 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from throng.gan.augmentation.dice import chosen, normal
from throng.gan.augmentation.options import Options


def add_noise(images: Tensor, p: float, options: Options) -> Tensor:
    """Add white Gaussian noise to images (B, C, R, R), of a half-normal deviation for each image."""
    count = len(images)
    taken = chosen(count, options.probability("noise", p))
    if not taken.any():
        return images
    deviation = torch.where(taken, normal(count, options.strength("noise")).abs(), 0.0)
    noise = torch.randn(images.shape)
    return images + (noise * deviation[:, None, None, None]).to(images)


def cut_out(images: Tensor, p: float, options: Options) -> Tensor:
    """Set a square of images (B, C, R, R) to 0, its centre anywhere in the image."""
    count, size = len(images), images.shape[-1]
    taken = chosen(count, options.probability("cutout", p))
    if not taken.any():
        return images
    place = (torch.arange(size) + 0.5) / size
    half = options.strength("cutout") / 2
    across, along = ((place[None] - torch.rand(count, 1)).abs() < half for _ in range(2))
    kept = ~(taken[:, None, None] & along[:, :, None] & across[:, None, :])
    return images * kept[:, None].to(images)
