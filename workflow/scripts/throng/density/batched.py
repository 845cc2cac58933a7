"""The density maps of a batch in PyTorch, on its device and differentiable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from throng.density.head_points import (
    FARTHEST,
    SIGMA_RANGE,
    Sigma,
    checked_heads,
    checked_shape,
    checked_sigma,
    checked_whole,
)
from throng.density.neighbours import BETA, LONE_SIGMA, NEIGHBOURS, SMALLEST_SIGMA, adaptive_sigmas
from throng.density.stamps import CUT
from throng.errors import ThrongError

if TYPE_CHECKING:
    import torch

ROOT_HALF = math.sqrt(0.5)


def density_maps(
    points: Sequence[torch.Tensor],
    shape: tuple[int, int],
    *,
    sigma: Sigma | Sequence[torch.Tensor] = "adaptive",
    stride: int = 1,
) -> torch.Tensor:
    """Return the density maps of a batch, (B, 1, ceil(H / stride), ceil(W / stride)) float32 on the points' device.

    The maps of :func:`throng.density.maps.density_map` in mode ``mass``, as one batched product of per-head rows and
    columns; differentiable in ``points``, B tensors (N_i, 2) of x, y in pixels, and in ``sigma`` where it is given as B
    tensors (N_i,) in pixels; "adaptive" sigmas are constants. Nothing waits for the device.

    Raises ThrongError as ``density_map`` does and on a batch of no images, except that values are looked at on the CPU
    only: on another device a NaN makes its map NaN.
    """
    import torch

    height, width = checked_shape(shape)
    stride = checked_whole(stride, "stride")
    _check_batch(points, sigma)
    device = points[0].device
    # A product in float32 may run as TF32 on a GPU, which loses a thousandth of the mass.
    exact = torch.float32 if device.type == "mps" else torch.float64
    heads = [p.reshape(-1, 2).to(exact) for p in points]
    centre = torch.nn.utils.rnn.pad_sequence(heads, batch_first=True)
    if device.type == "cpu" and not _within(centre, -FARTHEST, FARTHEST):
        _find_fault(points, lambda given: checked_heads(given.numpy()))
    if isinstance(sigma, str):
        x, y = centre.detach().unbind(-1)
        inside = torch.stack([x.clamp(-0.5, width - 0.5), y.clamp(-0.5, height - 0.5)], dim=-1)
        spreads = [_adaptive(some[: len(p)]) for some, p in zip(inside, heads, strict=True)]
    elif isinstance(sigma, int | float):
        spreads = [torch.full((len(p),), float(sigma), device=device, dtype=exact) for p in heads]
    else:
        spreads = [s.to(exact) for s in sigma]
    spread = torch.nn.utils.rnn.pad_sequence(spreads, batch_first=True, padding_value=1.0)
    if device.type == "cpu" and not _within(spread, *SIGMA_RANGE):
        _find_fault(spreads, lambda given: checked_sigma(given.numpy(), "mass", len(given)))
    # made where it is used, as copying the numbers of heads to a GPU would wait for it
    real = torch.nn.utils.rnn.pad_sequence([torch.ones_like(s) for s in spreads], batch_first=True)
    with torch.autocast(device.type, enabled=False):
        return _product(centre, spread, real, (height, width), stride).to(torch.float32)


def _product(
    centre: torch.Tensor, spread: torch.Tensor, real: torch.Tensor, shape: tuple[int, int], stride: int
) -> torch.Tensor:
    """Return (B, 1, rows, columns) of the inputs' dtype from (B, N, 2) heads, (B, N) sigmas and (B, N) weights."""
    import torch

    columns = _axis_mass(centre[..., 0], spread, torch.ones_like(real), shape[1], stride)
    rows = _axis_mass(centre[..., 1], spread, real, shape[0], stride)
    return torch.bmm(rows.transpose(1, 2), columns).unsqueeze(1)


def _axis_mass(centre: torch.Tensor, sigma: torch.Tensor, weight: torch.Tensor, size: int, stride: int) -> torch.Tensor:
    """Return each head's mass per cell of one axis, (B, N, ceil(size / stride)), summing to ``weight``."""
    import torch

    cells = -(-size // stride)
    edges = torch.arange(-0.5, cells * stride, stride, device=centre.device, dtype=centre.dtype)
    offset = (edges - centre.clamp(-0.5, size - 0.5)[..., None]) * (ROOT_HALF / sigma)[..., None]
    half_phi = torch.erf(offset.clamp(-CUT * ROOT_HALF, CUT * ROOT_HALF))
    share = weight[..., None] / (half_phi[..., -1:] - half_phi[..., :1])
    return (half_phi[..., 1:] - half_phi[..., :-1]) * share


def _adaptive(heads: torch.Tensor) -> torch.Tensor:
    """Return the adaptive sigmas of (N, 2) heads, (N,), on their device: off the CPU by all distances."""
    import torch

    if heads.device.type == "cpu":
        return torch.from_numpy(adaptive_sigmas(heads.numpy())).to(heads.dtype)
    return _adaptive_by_all(heads)


def _adaptive_by_all(heads: torch.Tensor, at_once: int = 1024) -> torch.Tensor:
    import torch

    k = min(NEIGHBOURS, len(heads) - 1)
    if k < 1:
        return torch.full((len(heads),), LONE_SIGMA, device=heads.device, dtype=heads.dtype)
    # differences, not a product of matrices, which would lose the small distances that matter
    distances = (torch.cdist(p, heads, compute_mode="donot_use_mm_for_euclid_dist") for p in heads.split(at_once))
    # the nearest of all is the head itself, at 0
    means = torch.cat([far.topk(k + 1, largest=False).values.sum(1) / k for far in distances])
    return (BETA * means).clamp_min(SMALLEST_SIGMA)


def _check_batch(points: Sequence[torch.Tensor], sigma: Sigma | Sequence[torch.Tensor]) -> None:
    if not len(points):
        raise ThrongError("a batch of density maps needs head points of at least one image; got none")
    for i, heads in enumerate(points):
        if heads.numel() and (heads.ndim != 2 or heads.shape[1] != 2):
            raise ThrongError(f"image {i}: head points must be (N, 2) x, y; got shape {tuple(heads.shape)}")
    if isinstance(sigma, str | int | float):
        checked_sigma(sigma, "mass", 0)
        return
    if len(sigma) != len(points):
        raise ThrongError(f"sigma must be one tensor per image; got {len(sigma)} for {len(points)} images")
    for i, (heads, spread) in enumerate(zip(points, sigma, strict=True)):
        expected = (heads.numel() // 2,)
        if spread.shape != expected:
            raise ThrongError(f"image {i}: sigma must be one per head, {expected}; got shape {tuple(spread.shape)}")


def _within(values: torch.Tensor, least: float, greatest: float) -> bool:
    if values.numel() == 0:
        return True
    low, high = values.detach().aminmax()
    return bool(low >= least) and bool(high <= greatest)


def _find_fault(given: Sequence[torch.Tensor], check: Callable[[torch.Tensor], object]) -> None:
    """Raise the first image's ThrongError with its number."""
    for i, values in enumerate(given):
        try:
            check(values.detach())
        except ThrongError as error:
            raise ThrongError(f"image {i}: {error}") from error
