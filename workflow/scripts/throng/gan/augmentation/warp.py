"""Bilinear sampling of images at given places that can be differentiated twice, and oftener.

Sampling is linear in the image: y = W x, with W set by the places. Its gradient is W^T g, whose own gradient is W
again; PyTorch's grid_sample lacks that second derivative, which the R1 penalty of an augmented image needs (Karras et
al., 2020, ADA, section 2 and appendix B). Places have no gradient: they are random, not learnt.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# how the operator behind grid_sample numbers its modes
_BILINEAR, _REFLECTION = 0, 2


def warp(images: Tensor, grid: Tensor) -> Tensor:
    """Sample images (B, C, H, W) at ``grid`` (B, H', W', 2), giving (B, C, H', W'); both float32 or both float64.

    Places are x, y; -1 and 1 are the outer edges of the first and the last pixel, and what lies beyond is mirrored
    there. No gradient flows to the grid.
    """
    return _Sample.apply(images, grid.detach())


class _Sample(torch.autograd.Function):
    """y = W x."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.size = images.shape[-2:]
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Spread.apply(gradients[0], grid, ctx.size), None


class _Spread(torch.autograd.Function):
    """x = W^T g, the transpose of sampling."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(grid)
        # the kernel reads only the shape of this
        images = gradient.new_empty((*gradient.shape[:2], *size))
        mask = (True, False)
        spread = torch.ops.aten.grid_sampler_2d_backward
        return spread(gradient.contiguous(), images, grid, _BILINEAR, _REFLECTION, False, mask)[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradients[0], grid), None, None
