"""Convolution with styles: Karras et al., CVPR 2020, section 2.2, normalised first as in NeurIPS 2021, appendix C."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-8


def modulated_conv(
    x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool = True, gain: Tensor | None = None
) -> Tensor:
    """Convolve (B, I, H, W) with one (O, I, k, k) kernel whose inputs each image scales by its styles (B, I).

    The output is "full", (B, O, H + k - 1, W + k - 1), in the dtype of ``x``; styles and kernel are float32 or wider.
    With ``demodulate`` each output channel's scaled kernel has unit length: kernel and styles are then normalised
    beforehand, so that half precision cannot overflow. ``gain`` is a scalar on the input.
    """
    if demodulate:
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        styles = styles * styles.square().mean(1, keepdim=True).rsqrt()
        lengths = styles.square() @ weight.square().sum((2, 3)).T + EPSILON / math.prod(weight.shape[1:])
        outer = lengths.rsqrt()
    else:
        outer = None
    inner = styles if gain is None else styles * gain
    if weight.shape[-1] == 1:
        kernels = weight[None, :, :, 0, 0] * inner[:, None, :]
        kernels = kernels if outer is None else kernels * outer[:, :, None]
        return torch.matmul(kernels.to(x.dtype), x.flatten(2)).unflatten(2, x.shape[2:])
    # (w s) * x = w * (s x): one kernel for the whole batch
    y = F.conv2d(x * inner.to(x.dtype)[:, :, None, None], weight.to(x.dtype), padding=weight.shape[-1] - 1)
    return y if outer is None else y * outer.to(x.dtype)[:, :, None, None]
