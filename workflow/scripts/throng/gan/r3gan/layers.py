"""What both networks of R3GAN are made of: convolutions, residual blocks and resampling.

Huang et al. (2024), arXiv 2501.05441, section 3.2 and appendix; initialisation after Zhang et al. (2019, Fixup),
section 3.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from throng.gan.mirror import apply_matrices, extension
from throng.gan.resample import band

SLOPE = 0.2
# keeps the variance of what passes a leaky ReLU: He et al. (2015), eq. 15
RELU_GAIN = math.sqrt(2 / (1 + SLOPE**2))


class Conv(nn.Module):
    """A convolution without bias that keeps the size and computes in the type of what it is given."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, groups: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        shape = (channels_out, channels_in // groups, kernel, kernel)
        self.weight = nn.Parameter(torch.randn(shape) * (gain / math.sqrt(math.prod(shape[1:]))))
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (B, channels_in, H, W), padded with zeros."""
        return F.conv2d(x, self.weight.to(x.dtype), padding=self.weight.shape[-1] // 2, groups=self.groups)


class BiasedActivation(nn.Module):
    """A bias for each channel, then a leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return leaky_relu(x + bias) of x (B, channels, H, W)."""
        return F.leaky_relu(x + self.bias.to(x.dtype)[:, None, None], SLOPE)


class ResidualBlock(nn.Module):
    """x + its change by 1x1, grouped 3x3 and 1x1 convolutions over ``expansion`` times as many channels.

    The last convolution starts at zero and the gain of the others at depth^(-1/4), depth being the number of blocks in
    the network: each update then moves the network by an amount that does not grow with its depth.
    """

    def __init__(self, channels: int, groups: int, expansion: int, depth: int) -> None:
        super().__init__()
        wide = channels * expansion
        gain = RELU_GAIN * depth**-0.25
        self.widen = Conv(channels, wide, 1, gain=gain)
        self.first = BiasedActivation(wide)
        self.mix = Conv(wide, wide, 3, groups=groups, gain=gain)
        self.second = BiasedActivation(wide)
        self.narrow = Conv(wide, channels, 1, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, of the shape and type of x (B, channels, H, W)."""
        return x + self.narrow(self.second(self.mix(self.first(self.widen(x)))))


class Linear(nn.Module):
    """A linear map without bias, of unit gain."""

    def __init__(self, size_in: int, size_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size_out, size_in) / math.sqrt(size_in))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, size_in) to (B, size_out)."""
        return F.linear(x, self.weight)


def upsample(x: Tensor) -> Tensor:
    """Double height and width with the filter [1, 2, 1] / 2: new pixels are the mean of their neighbours.

    x is (B, C, H, W); the last row and column are repeated.
    """
    return apply_matrices(x, _doubling(x.shape[-2], x.dtype, x.device), _doubling(x.shape[-1], x.dtype, x.device))


def downsample(x: Tensor) -> Tensor:
    """Halve height and width with the filter [1, 2, 1] / 4 around every second pixel; x is (B, C, H, W), both even."""
    return apply_matrices(x, _halving(x.shape[-2], x.dtype, x.device), _halving(x.shape[-1], x.dtype, x.device))


# As matrices: a product's second derivative is a product, while that of pooling took longer than the convolutions. They
# are kept, so they must not be tensors of an inference mode that is on when they are first asked for.
@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _doubling(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    taps = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)
    rows = band(taps, length + 2, 2, 1, (1, 1)) @ extension(length, 1)
    return rows[2:-2].to(device, dtype)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _halving(length: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    taps = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    return (band(taps, length + 2, 1, 2, (0, 0)) @ extension(length, 1)).to(device, dtype)
