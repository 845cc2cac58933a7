"""Filtered leaky ReLU: up-sample, leaky ReLU, down-sample, so that no alias is born (Karras et al. 2021, Sec. 3.2)."""

from __future__ import annotations

import math

import torch

from throng.errors import ThrongError
from throng.gan.filtered_lrelu.passes import forward_pass
from throng.gan.filtered_lrelu.polyphase import Slopes, polyphase
from throng.gan.filtered_lrelu.taps import separable
from throng.gan.resample import Padding

IMPLEMENTATIONS = ("polyphase", "triton")


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
    axes, (T, T), or None for no filter. Differentiable once in x and bias. Raises ThrongError for an unknown
    implementation or one that cannot run there, and for shapes and factors that do not fit.
    """
    check_implementation(implementation, x.device)
    if x.ndim != 4 or not x.is_floating_point():
        raise ThrongError(f"features must be (B, C, H, W) of a real type, not {tuple(x.shape)} {x.dtype}")
    if bias is not None and bias.shape != x.shape[1:2]:
        raise ThrongError(f"the bias of {x.shape[1]} channels must be ({x.shape[1]},), not {tuple(bias.shape)}")
    if min(up, down) < 1 or gain <= 0 or (clamp is not None and clamp <= 0):
        raise ThrongError(f"up {up} and down {down} must be at least 1, gain {gain} and clamp {clamp} above 0")
    one = forward_pass((x.shape[2], x.shape[3]), separable(up_filter), separable(down_filter), up, down, padding)
    slopes = Slopes(gain, slope, math.inf if clamp is None else clamp)
    bias = x.new_zeros(x.shape[1]) if bias is None else bias
    if implementation == "polyphase":
        return polyphase(x, bias, one, slopes)
    from throng.gan.filtered_lrelu.fused import fused

    return fused(x, bias, one, slopes)


def check_implementation(name: str, device: torch.device) -> None:
    """Raise ThrongError unless the implementation ``name`` exists and runs on ``device``."""
    if name not in IMPLEMENTATIONS:
        raise ThrongError(f"implementation must be one of {', '.join(IMPLEMENTATIONS)}, not {name!r}")
    if name == "triton":
        _check_triton(device)


def _check_triton(device: torch.device) -> None:
    try:
        from throng.gan.filtered_lrelu import fused
    except ImportError as error:
        raise ThrongError(
            "implementation 'triton' needs the package triton, which is not installed here: use 'polyphase'"
        ) from error
    if device.type != "cuda" and not fused.interpreted():
        raise ThrongError(f"implementation 'triton' needs a GPU, not {device}: use implementation 'polyphase' there")


def describe(name: str, device: torch.device) -> str:
    """Return what a log says of the implementation ``name`` on ``device``: which it is and what it costs."""
    check_implementation(name, device)
    if name == "triton":
        return "filtered leaky ReLU: triton, one kernel each way; keeps 2 bits per up-sampled pixel"
    if device.type == "cpu":
        return "filtered leaky ReLU: polyphase, compiled for this CPU; keeps 2 bits per up-sampled pixel"
    return (
        "filtered leaky ReLU: polyphase, as matrix products; keeps its input and up-samples a second time for the "
        "gradient ('triton' keeps 2 bits per up-sampled pixel and writes nothing up-sampled)"
    )
