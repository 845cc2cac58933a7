"""StyleGAN2's discriminator: Karras et al., CVPR 2020, section 4.1; projection: Miyato & Koyama, ICLR 2018."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from throng.errors import ThrongError
from throng.gan.stylegan3.linear import ROOT_2, SLOPE, Linear
from throng.gan.stylegan3.mapping import Mapping
from throng.gan.stylegan3.minibatch import with_deviation
from throng.gan.stylegan3.sizes import check_sizes

CLAMP = 256.0


class Discriminator(nn.Module):
    """Judge images (B, 3, resolution, resolution) with codes c (B, c_dim): logits, float32 (B, 1).

    A residual network of channels min(cbase / resolution, cmax). With ``c_dim`` the logit is the product of the
    image's features with a map of its code of ``label_layers`` layers. ``group`` images are compared with one another.
    With ``half`` (not part of the architecture) the blocks of the ``half_rates`` highest resolutions work in that
    dtype. All of it can be differentiated twice. Raises ThrongError for sizes that make no network.
    """

    def __init__(
        self,
        resolution: int = 256,
        cbase: int = 16384,
        cmax: int = 512,
        c_dim: int = 0,
        *,
        label_layers: int = 8,
        group: int = 4,
        half: torch.dtype | None = None,
        half_rates: int = 4,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {
            "resolution": resolution,
            "cbase": cbase,
            "cmax": cmax,
            "c_dim": c_dim,
            "label_layers": label_layers,
            "group": group,
        }
        check_sizes(options)
        self.architecture = {"name": "stylegan3", "options": options}
        self.resolution, self.c_dim = resolution, c_dim
        self.half: torch.dtype | None = half  # pyright: ignore[reportIncompatibleMethodOverride]
        self.half_rates = half_rates
        self.group = group
        resolutions = [2**power for power in range(int(math.log2(resolution)), 1, -1)]
        widths = [min(cbase // size, cmax) for size in resolutions]
        last = widths[-1]
        self.from_rgb = Conv(3, widths[0], 1)
        self.blocks = nn.ModuleList(Block(i, o) for i, o in pairwise(widths))
        self.last_conv = Conv(last + 1, last, 3)
        self.last_linear = Linear(last * 16, last, activated=True)
        self.out = Linear(last, last if c_dim else 1)
        self.label_map = Mapping(0, c_dim, last, label_layers) if c_dim else None

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Return logits, float32 (B, 1); raises ThrongError when images or codes are of another shape."""
        expected = (3, self.resolution, self.resolution)
        if tuple(images.shape[1:]) != expected:
            raise ThrongError(f"images of shape {tuple(images.shape[1:])} cannot be judged: expected {expected}")
        x = self.from_rgb(images.to(self._dtype(0)))
        for index, block in enumerate(self.blocks):
            x = block(x.to(self._dtype(index)))
        x = self.last_conv(with_deviation(x.to(self.out.weight.dtype), self.group))
        features = self.out(self.last_linear(x.flatten(1)))
        if self.label_map is None:
            return features
        if c is None or tuple(c.shape) != (len(images), self.c_dim):
            given = "none were given" if c is None else f"they are {tuple(c.shape)}"
            raise ThrongError(f"this judge heeds codes of shape {(len(images), self.c_dim)}, and {given}")
        return (features * self.label_map(None, c)).sum(1, keepdim=True) / math.sqrt(features.shape[1])

    def _dtype(self, index: int) -> torch.dtype:
        return self.half if self.half is not None and index < self.half_rates else self.out.weight.dtype


class Conv(nn.Module):
    """A convolution of equalised learning rate that keeps the size, then leaky ReLU (0.2, gain sqrt 2) and clamp."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, *, stride: int = 1, padding: int | None = None, gain: float = 1.0) -> Tensor:
        """Return the activated output times ``gain``."""
        scale = ROOT_2 * gain
        weight = self.weight * (scale / math.sqrt(self.weight[0].numel()))
        padding = self.weight.shape[-1] // 2 if padding is None else padding
        # leaky ReLU commutes with a positive gain
        y = F.conv2d(x, weight.to(x.dtype), (self.bias * scale).to(x.dtype), stride=stride, padding=padding)
        return F.leaky_relu(y, SLOPE).clamp(-CLAMP * gain, CLAMP * gain)


class Block(nn.Module):
    """Two convolutions beside a linear skip, both to half the size behind a [1, 3, 3, 1] filter."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Conv(inputs, inputs, 3)
        self.second = Conv(inputs, outputs, 3)
        self.skip = nn.Parameter(torch.randn(outputs, inputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        skip = self.skip * (math.sqrt(0.5) / math.sqrt(self.skip.shape[1]))
        y = F.conv2d(smoothed(x, padding=1, stride=2), skip.to(x.dtype))
        return self.second(smoothed(self.first(x), padding=2), stride=2, padding=0, gain=math.sqrt(0.5)) + y


def smoothed(x: Tensor, *, padding: int, stride: int = 1) -> Tensor:
    """Filter (B, C, H, W) with [1, 3, 3, 1] / 8 both ways, zeros around it."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device) / 8
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=padding, stride=stride, groups=x.shape[1])
