"""Convolution with styles: Karras et al., CVPR 2020, equations 1 and 3; normalised before: NeurIPS 2021, appendix F."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-8


def modulated_conv(
    x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool = True, gain: Tensor | None = None
) -> Tensor:
    """Convolve each image of (B, I, H, W) with the kernel (O, I, k, k) whose inputs its styles (B, I) scale.

    The output is "full", (B, O, H + k - 1, W + k - 1), in the dtype of ``x``; styles and kernel are float32 or wider.
    With ``demodulate`` each output channel's scaled kernel has unit length; kernel and styles are normalised before,
    so that half precision cannot overflow. ``gain`` is a scalar on the input.
    """
    if demodulate:
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        # each image's alone: demodulation undoes it, and nothing then depends on the rest of the batch
        styles = styles * styles.square().mean(1, keepdim=True).rsqrt()
        lengths = styles.square() @ weight.square().sum((2, 3)).T + EPSILON / math.prod(weight.shape[1:])
        scale = lengths.rsqrt()[:, :, None] * styles[:, None, :]
    else:
        scale = styles[:, None, :]
    if gain is not None:
        scale = scale * gain
    kernels = (weight * scale[:, :, :, None, None]).to(x.dtype)
    if weight.shape[-1] == 1:
        return (kernels[:, :, :, 0, 0] @ x.flatten(2)).unflatten(2, x.shape[2:])
    images = x.reshape(1, -1, *x.shape[2:])
    y = F.conv2d(images, kernels.flatten(0, 1), padding=weight.shape[-1] - 1, groups=len(x))
    return y.unflatten(1, (len(x), -1))[0]
