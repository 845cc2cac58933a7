"""One layer of the synthesis: Karras et al., NeurIPS 2021, section 3.1 (magnitudes), 3.2 (filtered nonlinearity)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from throng.gan.filtered_lrelu import filtered_lrelu
from throng.gan.filters import lowpass
from throng.gan.stylegan3.linear import Linear
from throng.gan.stylegan3.modulated import modulated_conv
from throng.gan.stylegan3.schedule import Step
from throng.gan.stylegan3.tracking import summed

TAPS = 6
CLAMP = 256.0
# images after which a magnitude counts half
HALF_LIFE = 20_000


class Layer(nn.Module):
    """Modulated convolution, then a leaky ReLU between filters at twice the higher of the two rates.

    The input is divided by the root of its tracked mean square. ``radial`` makes the filter before decimation
    isotropic.
    """

    magnitude: Tensor
    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, w_dim: int, before: Step, after: Step, *, kernel: int, radial: bool) -> None:
        super().__init__()
        self.affine = Linear(w_dim, before.channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(after.channels, before.channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(after.channels))
        self.register_buffer("magnitude", torch.ones([]))
        rate = 2 * max(before.rate, after.rate)
        self.up, self.down = rate // before.rate, rate // after.rate
        up_taps, down_taps = TAPS * self.up, TAPS * self.down
        self.register_buffer("up_filter", lowpass(up_taps, before.cutoff, before.half_width, rate))
        self.register_buffer("down_filter", lowpass(down_taps, after.cutoff, after.half_width, rate, radial=radial))
        total = (after.size - 1) * self.down + 1 - (before.size + kernel - 1) * self.up + up_taps + down_taps - 2
        low = (total + self.up) // 2
        self.padding = (low, total - low, low, total - low)

    def forward(self, x: Tensor, w: Tensor, *, implementation: str, track: bool) -> Tensor:
        """Return (B, channels after, size after, size after) in the dtype of ``x``, of styles w float32 (B, w_dim)."""
        if track:
            track_magnitude(self.magnitude, x)
        x = modulated_conv(x, self.weight, self.affine(w), gain=self.magnitude.rsqrt())
        return filtered_lrelu(
            x,
            self.bias.to(x.dtype),
            self.up_filter,
            self.down_filter,
            up=self.up,
            down=self.down,
            padding=self.padding,
            clamp=CLAMP,
            implementation=implementation,
        )


class ToRgb(nn.Module):
    """The last layer: a modulated 1 x 1 convolution to three colours, without filters or nonlinearity."""

    magnitude: Tensor

    def __init__(self, w_dim: int, channels: int) -> None:
        super().__init__()
        self.affine = Linear(w_dim, channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.register_buffer("magnitude", torch.ones([]))

    def forward(self, x: Tensor, w: Tensor, *, track: bool) -> Tensor:
        """Return (B, 3, H, W) in the dtype of ``x``."""
        if track:
            track_magnitude(self.magnitude, x)
        styles = self.affine(w) / math.sqrt(self.weight.shape[1])
        x = modulated_conv(x, self.weight, styles, demodulate=False, gain=self.magnitude.rsqrt())
        return (x + self.bias.to(x.dtype)[:, None, None]).clamp(-CLAMP, CLAMP)


@torch.no_grad()
def track_magnitude(magnitude: Tensor, x: Tensor) -> None:
    """Move ``magnitude`` towards the mean square of a batch (B, C, H, W); an image counts half after HALF_LIFE more."""
    squares = x.detach().to(magnitude.dtype).square().mean((1, 2, 3))
    total, images = summed(torch.stack([squares.sum(), squares.new_tensor(float(len(squares)))]))
    magnitude.lerp_(total / images, 1 - 0.5 ** (images / HALF_LIFE))
