"""Displaced separable kernels on feature maps: blur, translation and the mix of units, in plain convolutions."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Displacement:
    """The separable kernels of K units: tap (k, i) is ``offset + i - before`` pixels right of, or below, a position.

    ``across`` and ``down`` are (K, T) taps along x and y, ``offsets`` the whole pixels (x, y) of each unit.
    """

    across: torch.Tensor
    down: torch.Tensor
    offsets: Sequence[tuple[int, int]]
    before: int

    @property
    def margin(self) -> int:
        """Return how many pixels around a map its kernels can read."""
        after = self.across.shape[1] - 1 - self.before
        furthest = max(max(abs(x), abs(y)) for x, y in self.offsets)
        return furthest + max(self.before, after)


def spread(taps: torch.Tensor, offsets: torch.Tensor, furthest: int) -> torch.Tensor:
    """Return (K, T + 2 furthest) taps: each unit's (K, T) moved by its ``offsets`` (K,) inside one common window."""
    places = torch.arange(taps.shape[1] + 2 * furthest, device=taps.device)
    starts = (offsets + furthest).long()
    matches = places[None, :, None] == starts[:, None, None] + torch.arange(taps.shape[1], device=taps.device)
    return (matches.to(taps.dtype) * taps[:, None, :]).sum(-1)


def padded(maps: torch.Tensor, margin: int) -> torch.Tensor:
    """Return maps with ``margin`` zeros on each side, in the memory order that a few taps per channel run fastest in.

    A CPU's depthwise convolution otherwise spends its time on reordering: channels last is 3 times as fast there.
    """
    wider = functional.pad(maps, (margin,) * 4)
    return wider.contiguous(memory_format=torch.channels_last) if maps.device.type == "cpu" else wider


def displace(maps: torch.Tensor, displacement: Displacement, unit: int, margin: int) -> torch.Tensor:
    """Return (B, C, H, W) of maps that come padded by ``margin`` pixels on each side, seen through one unit."""
    height, width = maps.shape[-2] - 2 * margin, maps.shape[-1] - 2 * margin
    taps = displacement.across.shape[1]
    x, y = displacement.offsets[unit]
    left, top = margin + x - displacement.before, margin + y - displacement.before
    window = maps[..., top : top + height + taps - 1, left : left + width + taps - 1]
    return separable(window, displacement.across[unit], displacement.down[unit])


def separable(maps: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Return every channel of (B, C, H + T - 1, W + T - 1) correlated with one (T,) by (T,) kernel: (B, C, H, W)."""
    channels = maps.shape[1]
    rows = across.to(maps.dtype).expand(channels, 1, 1, -1)
    columns = down.to(maps.dtype)[:, None].expand(channels, 1, -1, 1)
    return functional.conv2d(functional.conv2d(maps, rows, groups=channels), columns, groups=channels)


def blur(maps: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Return maps of the same size correlated with a centred odd kernel, zeros outside the image."""
    return separable(padded(maps, across.shape[0] // 2), across, down)


def mix(maps: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return (B, F, H, W): the channels of (B, C, H, W) mixed by an (F, C) matrix at every position."""
    return functional.conv2d(maps, weight[:, :, None, None])


def displaced_part(
    maps: torch.Tensor, weight: torch.Tensor, displacement: Displacement, unit: int, margin: int
) -> torch.Tensor:
    """Return W_k T_k(maps), (B, F, H, W), of one unit; maps come padded, ``weight`` is (F, C, K).

    Mixing and displacing commute, so the fewer channels are displaced.
    """
    matrix = weight[:, :, unit]
    if weight.shape[0] < weight.shape[1]:
        return displace(mix(maps, matrix), displacement, unit, margin)
    return mix(displace(maps, displacement, unit, margin), matrix)


def displaced_mix(maps: torch.Tensor, weight: torch.Tensor, displacement: Displacement) -> torch.Tensor:
    """Return sum_k W_k T_k(maps), (B, F, H, W), with zeros outside the maps (B, C, H, W); ``weight`` is (F, C, K)."""
    margin = displacement.margin
    wider = padded(maps, margin)
    parts = (displaced_part(wider, weight, displacement, unit, margin) for unit in range(weight.shape[2]))
    return total(parts, maps)


def weighted(maps: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Return the sum of maps, each times its number of ``weights`` (n,)."""
    combined = maps[0] * weights[0]
    for index in range(1, len(maps)):
        combined = torch.addcmul(combined, maps[index], weights[index])
    return combined


def total(parts: Iterable[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    """Return the sum of maps, contiguous where ``like`` is."""
    summed = functools.reduce(torch.add, parts)
    return summed.contiguous() if like.is_contiguous() else summed


def dense_kernel(weight: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Return the (F, C, T, T) kernels sum_k w_fck down_k across_k; taps are (K, T), or (F, C, K, T) of their own."""
    if across.dim() == 2:
        return torch.einsum("fck,kv,ku->fcvu", weight, down, across)
    return torch.einsum("fck,fckv,fcku->fcvu", weight, down, across)
