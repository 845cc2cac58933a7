"""One-dimensional taps of displaced kernels, their means' grid and bounds: what the Gaussian layer's modes share."""

from __future__ import annotations

import math
from typing import Any

import torch

from throng.errors import ThrongError


def gaussian_taps(means: torch.Tensor, sigma: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return Gaussians sampled at integer ``positions`` and normalised to sum 1, (..., T), differentiable throughout.

    ``means`` (...) and ``sigma`` (broadcastable to it) are in pixels. A softmax of the exponents is the same
    quotient without the underflow of its terms.
    """
    distance = positions - means[..., None]
    return torch.softmax(-0.5 * (distance / sigma[..., None]).square(), -1)


def gaussian_slopes(sigma: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return the (T,) derivative of a zero-mean normalised Gaussian's response with respect to its mean."""
    taps = torch.softmax(-0.5 * (positions / sigma).square(), -1)
    return taps * (positions / sigma.square())


def lagrange_taps(fraction: torch.Tensor, count: int) -> torch.Tensor:
    """Return the (..., count) taps of polynomial interpolation at ``fraction`` in [0, 1], over 1 - count/2 .. count/2.

    Two taps are linear interpolation. Even counts only; the error on a band-limited map falls with each pair.
    """
    nodes = torch.arange(count, device=fraction.device) - (count // 2 - 1)
    apart = nodes[:, None] - nodes[None, :]
    own = torch.eye(count, dtype=torch.bool, device=fraction.device)
    ratios = (fraction[..., None, None] - nodes) / torch.where(own, 1, apart)
    return torch.where(own, 1.0, ratios).prod(-1)


def linear_taps(means: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return the (..., T) taps of linear interpolation at ``means``: one minus the distance, not below 0."""
    return (1 - (positions - means[..., None]).abs()).clamp(min=0)


def reach(sigma: float) -> int:
    """Return how many pixels from the rounded mean a Gaussian is sampled: five sigma and the fraction."""
    return math.ceil(5 * sigma + 0.5)


def grid_means(units: tuple[int, int], max_kernel_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the x and y means (ux * uy,) of a regular grid of distinct points inside the kernel.

    On an axis of n units they lie at i (2 m + 1) / n + (2 m + 1) / (2 n) - 1/2 - m with m = floor(size / 2) - 1
    (DAU-ConvNet, Tabernik et al., IJCV 2020; its published initialiser lets points of a square grid coincide).
    """
    half = max_kernel_size // 2 - 1
    across, down = (
        (torch.arange(n, dtype=torch.float64) + 0.5) * (2 * half + 1) / n - 0.5 - half for n in (units[0], units[1])
    )
    x, y = torch.meshgrid(across, down, indexing="ij")
    return x.flatten(), y.flatten()


def grid_shape(units: int | tuple[int, int]) -> tuple[int, int]:
    """Return (ux, uy) of so many units: the pair nearest to a square, the wider side first."""
    if isinstance(units, tuple):
        across, down = units
    else:
        down = next((n for n in range(math.isqrt(max(units, 0)), 0, -1) if units % n == 0), 0)
        across = units // down if down else 0
    if across < 1 or down < 1:
        raise ThrongError(f"units must be a positive number or a pair of them, not {units}")
    return across, down


class BoundedMean(torch.autograd.Function):
    """Clips means to a bound and passes their gradient on, times a factor, so that a mean at the bound can return."""

    @staticmethod
    def forward(ctx: Any, means: torch.Tensor, bound: float, factor: float) -> torch.Tensor:
        """Return the clipped means; their own tensor is not kept, so it may be changed in place afterwards."""
        ctx.factor = factor
        return means.clamp(-bound, bound)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Return the gradient of the means, times the factor."""
        return grads[0] * ctx.factor, None, None
