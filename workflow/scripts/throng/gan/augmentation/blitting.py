"""Transforms that copy pixels exactly: left-right flips, quarter turns, shifts by whole pixels.

Karras et al. (2020, ADA), appendix B, "pixel blitting".
"""

from __future__ import annotations

import torch
from torch import Tensor

from throng.gan.augmentation.dice import chosen, uniform
from throng.gan.augmentation.options import Options


def blit(images: Tensor, p: float, options: Options) -> Tensor:
    """Flip, turn and shift images (B, C, R, R); what a shift moves in is mirrored at the edge."""
    count, size = len(images), images.shape[-1]
    flip = chosen(count, options.probability("x_flip", p)) & chosen(count, 0.5)
    quarters = torch.where(chosen(count, options.probability("rotate90", p)), torch.randint(4, (count,)), 0)
    shifted = chosen(count, options.probability("integer_shift", p))
    bound = options.strength("integer_shift")
    down, right = (torch.where(shifted, (uniform(count, bound) * size).round().long(), 0) for _ in range(2))
    if not (flip.any() or quarters.any() or down.any() or right.any()):
        return images
    odd = quarters % 2 == 1
    if odd.any():
        images = torch.where(odd.to(images.device)[:, None, None, None], images.mT, images)
    # a quarter turn is a transposition, then a reversal; a flip reverses the columns of the image before it was turned
    reversed_rows = ((quarters == 1) | (quarters == 2)) ^ (flip & odd)
    reversed_columns = ((quarters == 2) | (quarters == 3)) ^ (flip & ~odd)
    images = _take(images, 2, _places(down, reversed_rows, size))
    return _take(images, 3, _places(right, reversed_columns, size))


def _places(shift: Tensor, backwards: Tensor, size: int) -> Tensor:
    """Return for each image and row which row of it stands there, (B, size)."""
    place = (torch.arange(size)[None] - shift[:, None]) % (2 * size)
    place = torch.minimum(place, 2 * size - 1 - place)
    return torch.where(backwards[:, None], size - 1 - place, place)


def _take(images: Tensor, axis: int, places: Tensor) -> Tensor:
    shape = [len(images), 1, 1, 1]
    shape[axis] = images.shape[axis]
    return images.gather(axis, places.view(shape).to(images.device).expand_as(images))
