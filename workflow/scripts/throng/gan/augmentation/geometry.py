"""Scaling, rotation, stretching and fractional shifts: one warp of the image, between filters that keep it sharp.

Karras et al. (2020, ADA), appendix B: mirrored, doubled and halved again by the sym6 wavelet, sampled bilinearly in
between. With the identity for a transform the filters cancel: the wavelet is orthonormal.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from throng.gan.augmentation.dice import chosen, log2_normal, normal, rotation, turns
from throng.gan.augmentation.options import Options
from throng.gan.augmentation.warp import warp
from throng.gan.mirror import DELAY, apply_matrices, downsampling, upsampling


def move(images: Tensor, p: float, options: Options) -> Tensor:
    """Scale, rotate, stretch and shift images (B, C, R, R), mirrored beyond their edges; the others are left alone."""
    forward, shift = draw_motion(len(images), p, options)
    still = (forward == torch.eye(2)).all(dim=(1, 2)) & (shift == 0).all(dim=1)
    if still.all():
        return images
    moved = (~still).nonzero()[:, 0]
    places = moved.to(images.device)
    warped = transform(images[places], forward[moved], shift[moved])
    return warped if len(moved) == len(images) else images.index_copy(0, places, warped)


def draw_motion(count: int, p: float, options: Options) -> tuple[Tensor, Tensor]:
    """Draw ``count`` motions: matrices (count, 2, 2) about the centre, then shifts (count, 2) in halves of the size.

    Float64 on the CPU, x before y.
    """

    def factors(name: str) -> Tensor:
        take = chosen(count, options.probability(name, p))
        return torch.where(take, log2_normal(count, options.strength(name)), 1.0)

    scale, stretch = factors("scale"), factors("anisotropy")
    # each of the two rotations is as probable as makes one of them happen with the probability asked for
    once = 1 - math.sqrt(1 - options.probability("rotate", p))
    bound = math.radians(options.strength("rotate"))
    before, after = rotation(turns(count, once, bound)), rotation(turns(count, once, bound))
    diagonal = torch.stack([scale * stretch, scale / stretch], -1)
    take = chosen(count, options.probability("fractional_shift", p))
    deviation = 2 * options.strength("fractional_shift")
    shift = torch.stack([normal(count, deviation), normal(count, deviation)], -1)
    return after @ (diagonal[:, :, None] * before), torch.where(take[:, None], shift, 0.0)


def transform(images: Tensor, forward: Tensor, shift: Tensor) -> Tensor:
    """Apply matrices (B, 2, 2) about the centre, then shifts (B, 2) in halves of the size, to images (B, C, R, R)."""
    size = images.shape[-1]
    up, down = upsampling(size).to(images), downsampling(size).to(images)
    back = torch.linalg.inv(forward)
    margin = (down.shape[-1] - 2 * size) // 2
    # the filter delays a row by its taps' first moment, which is not quite their middle: by so much beside the centre
    beside = (DELAY - 5.5) / size
    axis = (torch.arange(-margin, 2 * size + margin, dtype=torch.float64) + 0.5) / size - 1 - beside
    origin = beside - (back @ shift[:, :, None])[:, :, 0]
    # where each place of the result comes from, x and y, is a sum of what its column and its row give
    columns = (back[:, :, 0, None] * axis + origin[:, :, None]).to(images)
    rows = (back[:, :, 1, None] * axis).to(images)
    grid = columns.mT[:, None, :, :] + rows.mT[:, :, None, :]
    return apply_matrices(warp(apply_matrices(images, up, up), grid), down, down)
