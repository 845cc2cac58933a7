"""The losses of density maps cell by cell: squared error and local pattern consistency (SANet, ECCV 2018, 3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from throng.counting.losses.labels import Truth
from throng.density.maps import LONE_SIGMA
from throng.errors import ThrongError

WINDOW = 11
WINDOW_SIGMA = 1.5
K1, K2 = 0.01, 0.03


@dataclass(frozen=True)
class Pixel:
    """The squared error of density maps, mean over the images.

    ``reduction`` "mean" divides an image's sum over cells by their number (SANet, SFCN, C-3), "sum" does not (CSRNet's
    eq. 1; MCNN's, with a weight of 1/2). Both maps are multiplied by ``scale`` first: at 1 an empty
    prediction costs about 1e-6 per cell, and gradients vanish in the optimiser's epsilon.
    """

    reduction: Literal["mean", "sum"] = "mean"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.reduction not in {"mean", "sum"} or not self.scale > 0:
            raise ThrongError(
                f"the pixel loss takes reduction mean or sum and a positive scale; "
                f"got {self.reduction!r} and {self.scale}"
            )

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; images without known points cost nothing."""
        squares = ((predicted - truth.density) * self.scale) ** 2
        losses = squares.mean((1, 2, 3)) if self.reduction == "mean" else squares.sum((1, 2, 3))
        return truth.mean(losses, truth.located)


@dataclass(frozen=True)
class Pattern:
    """SANet's local pattern consistency, 1 - mean SSIM of density maps, mean over the images; no scale changes it.

    SSIM's constants assume values in 0..1, but a map peaks near 0.01, where the term is constant. So the range is the
    peak of each image's true map, and at least that of a head of sigma 15 pixels, which serves images without people.
    """

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; images without known points cost nothing."""
        true = truth.density
        lone = truth.labels.stride**2 / (2 * math.pi * LONE_SIGMA**2)
        peak = true.amax((1, 2, 3), keepdim=True).clamp(min=lone)
        similarity = ssim_map(predicted / peak, true / peak)
        return truth.mean(1 - similarity.mean((1, 2, 3)), truth.located)


def ssim_map(predicted: torch.Tensor, true: torch.Tensor, data_range: torch.Tensor | float = 1.0) -> torch.Tensor:
    """Return SSIM at every cell, (B, 1, H, W), from an 11x11 Gaussian window of sigma 1.5 with zero padding.

    ``predicted`` and ``true`` are (B, 1, H, W); ``data_range`` is the L of the constants (0.01 L)^2 and (0.03 L)^2.
    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004, eq. 13.
    """
    moments = torch.cat([predicted, true, predicted**2, true**2, predicted * true], 1)
    # A variance is a small difference of large numbers, which bf16 cannot hold.
    with torch.autocast(predicted.device.type, enabled=False):
        mean_p, mean_t, square_p, square_t, product = _blur(moments).split(1, 1)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    luminance = (2 * mean_p * mean_t + c1) / (mean_p**2 + mean_t**2 + c1)
    variance_p, variance_t = square_p - mean_p**2, square_t - mean_t**2
    structure = (2 * (product - mean_p * mean_t) + c2) / (variance_p + variance_t + c2)
    return luminance * structure


def _blur(maps: torch.Tensor) -> torch.Tensor:
    offsets = torch.arange(WINDOW, device=maps.device, dtype=maps.dtype) - WINDOW // 2
    taps = torch.exp(-(offsets**2) / (2 * WINDOW_SIGMA**2))
    taps = taps / taps.sum()
    channels = maps.shape[1]
    half = WINDOW // 2
    down = taps.view(1, 1, -1, 1).repeat(channels, 1, 1, 1)
    across = taps.view(1, 1, 1, -1).repeat(channels, 1, 1, 1)
    rows = functional.conv2d(maps, down, padding=(half, 0), groups=channels)
    return functional.conv2d(rows, across, padding=(0, half), groups=channels)
