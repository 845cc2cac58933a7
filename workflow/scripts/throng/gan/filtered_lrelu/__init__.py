"""Filtered leaky ReLU: up-sample, leaky ReLU, down-sample, so that no alias is born (Karras et al. 2021, Sec. 3.2)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from throng.errors import ThrongError
from throng.gan.resample import Padding, band

IMPLEMENTATIONS = ("polyphase",)


def filtered_lrelu(
    x: torch.Tensor,
    bias: torch.Tensor | None,
    up_filter: torch.Tensor | None,
    down_filter: torch.Tensor | None,
    *,
    up: int,
    down: int,
    padding: Padding,
    gain: float = math.sqrt(2),
    slope: float = 0.2,
    clamp: float | None = 256.0,
    implementation: str = "polyphase",
) -> torch.Tensor:
    """Return the filtered leaky ReLU (B, C, H', W') of x (B, C, H, W) + bias (C,), in the type of x.

    In this order: bias; ``up`` - 1 zeros after each pixel; ``padding`` (left, right, top, bottom), in up-sampled
    pixels, cropping where negative; convolution by ``up_filter`` with gain up²; leaky ReLU of ``slope`` times
    ``gain``, clamped to +-``clamp``; convolution by ``down_filter``; every ``down``-th pixel. Filters are (T,) for both
    axes, (T, T) (``down_filter`` only), or None for no filter. Differentiable once in x and bias. Raises ThrongError
    for an unknown implementation and for shapes that do not fit.
    """
    check_implementation(implementation, x.device)
    if bias is not None:
        x = x + bias.to(x.dtype)[None, :, None, None]
    x = _filtered(x, up_filter, up, 1, padding, up**2)
    x = functional.leaky_relu(x, slope) * gain
    if clamp is not None:
        x = x.clamp(-clamp, clamp)
    return _filtered(x, down_filter, 1, down, (0, 0, 0, 0), 1)


def _filtered(
    x: torch.Tensor, taps: torch.Tensor | None, up: int, down: int, padding: Padding, gain: float
) -> torch.Tensor:
    left, right, top, bottom = padding
    if taps is not None and taps.ndim == 2:
        if up > 1:
            raise ThrongError("an up-sampling filter must be separable (T,), not (T, T)")
        kernel = taps.flip(0, 1).to(x)[None, None].expand(x.shape[1], 1, -1, -1)
        return functional.conv2d(functional.pad(x, padding) * gain, kernel, stride=down, groups=x.shape[1])
    row = (x.new_ones(1) if taps is None else taps.to(x)) * gain**0.5
    across = band(row, x.shape[-1], up, down, (left, right))
    along = band(row, x.shape[-2], up, down, (top, bottom))
    return along @ (x @ across.T)


def check_implementation(name: str, device: torch.device) -> None:
    """Raise ThrongError unless the implementation ``name`` exists and runs on ``device``."""
    if name not in IMPLEMENTATIONS:
        raise ThrongError(f"implementation must be one of {', '.join(IMPLEMENTATIONS)}, not {name!r}")


def describe(name: str, device: torch.device) -> str:
    """Return what a log says of the implementation ``name`` on ``device``: which it is and what it costs."""
    check_implementation(name, device)
    return f"filtered leaky ReLU: {name} on {device.type}"
