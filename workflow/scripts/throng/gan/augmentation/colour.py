"""Brightness, contrast, lightness flip, hue and saturation: one affine map of RGB for each image.

Karras et al. (2020, ADA), appendix B, "color transformations".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from throng.gan.augmentation.dice import chosen, log2_normal, normal, turns
from throng.gan.augmentation.options import Options

# the axis of grey, and the part of a colour that lies along it
_GREY = torch.full((3, 3), 1 / 3, dtype=torch.float64)
_ACROSS = torch.eye(3, dtype=torch.float64) - _GREY
# v -> grey axis x v
_TURN = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) / math.sqrt(3)


def recolour(images: Tensor, p: float, options: Options) -> Tensor:
    """Change the colours of images (B, 3, R, R), -1..1; results may lie outside that range."""
    matrix, offset = draw_colours(len(images), p, options)
    if bool((matrix == torch.eye(3)).all()) and not offset.any():
        return images
    pixels = images.flatten(2)
    return torch.baddbmm(offset[:, :, None].to(images), matrix.to(images), pixels).view_as(images)


def draw_colours(count: int, p: float, options: Options) -> tuple[Tensor, Tensor]:
    """Draw ``count`` maps of RGB: matrices (count, 3, 3) and what is added then (count, 3), float64 on the CPU."""

    def taken(name: str) -> Tensor:
        return chosen(count, options.probability(name, p))

    brighter = torch.where(taken("brightness"), normal(count, options.strength("brightness")), 0.0)
    contrast = torch.where(taken("contrast"), log2_normal(count, options.strength("contrast")), 1.0)
    flipped = taken("luma_flip") & chosen(count, 0.5)
    hue = turns(count, options.probability("hue", p), math.radians(options.strength("hue")))
    saturation = torch.where(taken("saturation"), log2_normal(count, options.strength("saturation")), 1.0)

    along = torch.where(flipped, -contrast, contrast)
    across = contrast * saturation
    turned = torch.cos(hue)[:, None, None] * _ACROSS + torch.sin(hue)[:, None, None] * _TURN
    # identities must come out exact: a colour that nothing changed is left alone
    matrix = torch.where(
        ((hue == 0) & (saturation == 1) & ~flipped)[:, None, None],
        contrast[:, None, None] * torch.eye(3, dtype=torch.float64),
        along[:, None, None] * _GREY + across[:, None, None] * turned,
    )
    return matrix, (along * brighter)[:, None].expand(count, 3)
