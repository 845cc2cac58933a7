"""Gaussian layers whose means and sigma no longer move: plain convolutions, which any runtime can express."""

from __future__ import annotations

import copy
import functools

import torch
from torch import nn
from torch.nn import functional

from throng.counting.layers.gauconv import GauConv2d


class FrozenShift(nn.Module):
    """``shift`` with shared means and fixed taps: a depthwise row and column per unit, mixed by a 1x1 convolution.

    Interpolation is preceded by its blur. A unit's whole pixels are zeros beside its taps, so that nothing is cut out
    or moved. Mixing and displacing commute; the fewer channels are displaced.
    """

    def __init__(self, layer: GauConv2d) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.stride = layer.in_channels, layer.out_channels, layer.stride
        self.mixes_first = layer.out_channels < layer.in_channels
        narrow = min(layer.in_channels, layer.out_channels)
        placed = layer.displacement()
        self.blur = None if layer.interpolation == "exact" else _blur(layer)
        pairs = zip(placed.across.detach(), placed.down.detach(), placed.offsets, strict=True)
        self.displaced = nn.ModuleList(
            nn.Sequential(
                _depthwise(_centred(across, x, placed.before), narrow, rows=True),
                _depthwise(_centred(down, y, placed.before), narrow, rows=False),
            )
            for across, down, (x, y) in pairs
        )
        weight = layer.weight.detach()
        if self.mixes_first:
            matrix = weight.permute(2, 0, 1).reshape(layer.units * layer.out_channels, layer.in_channels)
        else:
            matrix = weight.permute(0, 2, 1).reshape(layer.out_channels, layer.units * layer.in_channels)
        self.mix = _filled(nn.Conv2d(matrix.shape[1], matrix.shape[0], 1, bias=False), matrix[:, :, None, None])
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return what the layer did, (B, F, ceil(H / stride), ceil(W / stride))."""
        features = features if self.blur is None else self.blur(features)
        if self.mixes_first:
            mixed = self.mix(features).split(self.out_channels, 1)
            parts = [unit(part) for unit, part in zip(self.displaced, mixed, strict=True)]
            response = functools.reduce(torch.add, parts)
        else:
            response = self.mix(torch.cat([unit(features) for unit in self.displaced], 1))
        if self.stride > 1:
            response = response[..., :: self.stride, :: self.stride]
        return response if self.bias is None else response + self.bias[:, None, None].to(response.dtype)


def _centred(taps: torch.Tensor, offset: int, before: int) -> torch.Tensor:
    """Return taps whose first lies at ``offset - before`` as an odd kernel around 0."""
    first, last = offset - before, offset - before + len(taps) - 1
    radius = max(abs(first), abs(last))
    return functional.pad(taps, (first + radius, radius - last))


def _depthwise(taps: torch.Tensor, channels: int, *, rows: bool) -> nn.Conv2d:
    shape = (1, len(taps)) if rows else (len(taps), 1)
    padding = (shape[0] // 2, shape[1] // 2)
    convolution = nn.Conv2d(channels, channels, shape, padding=padding, groups=channels, bias=False)
    return _filled(convolution, taps.reshape(1, 1, *shape).expand(channels, -1, -1, -1))


@torch.no_grad()
def _filled(convolution: nn.Conv2d, weight: torch.Tensor) -> nn.Conv2d:
    convolution.to(weight.device, weight.dtype)
    convolution.weight.copy_(weight)
    return convolution


class FrozenLowRank(nn.Module):
    """``lowrank`` with fixed taps: blurring and translation are one separable kernel for each unit and term."""

    def __init__(self, layer: GauConv2d) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.stride = layer.in_channels, layer.out_channels, layer.stride
        self.positions = copy.deepcopy(layer.positions)
        placed = layer.displacement()
        across, down = (terms.detach() for terms in layer.blurring())
        before = placed.before + across.shape[1] // 2
        units = []
        for unit, (x, y) in enumerate(placed.offsets):
            row, column = placed.across[unit].detach(), placed.down[unit].detach()
            terms = []
            for term, owner in enumerate(layer.basis.owners):
                share = layer.combination[unit, owner].detach()
                first = _centred(_composed(across[term], row), x, before)
                second = _centred(share * _composed(down[term], column), y, before)
                terms.append(
                    nn.Sequential(
                        _depthwise(first, layer.in_channels, rows=True),
                        _depthwise(second, layer.in_channels, rows=False),
                    )
                )
            units.append(nn.ModuleList(terms))
        self.units = nn.ModuleList(units)
        matrices = layer.weight.detach().permute(2, 0, 1)[..., None, None]
        mix = [_filled(nn.Conv2d(self.in_channels, self.out_channels, 1, bias=False), each) for each in matrices]
        self.mix = nn.ModuleList(mix)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return what the layer did, (B, F, ceil(H / stride), ceil(W / stride))."""
        shares = self.positions(features)
        parts = []
        for index, mix in enumerate(self.mix):
            terms = self.units.get_submodule(str(index)).children()
            displaced = functools.reduce(torch.add, [term(features) for term in terms])
            parts.append(mix(displaced) * shares[:, index, None])
        response = functools.reduce(torch.add, parts)
        if self.stride > 1:
            response = response[..., :: self.stride, :: self.stride]
        return response if self.bias is None else response + self.bias[:, None, None].to(response.dtype)


def _composed(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the taps of one kernel after the other."""
    wide = functional.pad(first, (len(second) - 1, len(second) - 1))
    return functional.conv1d(wide[None, None], second.flip(0)[None, None].to(wide.dtype))[0, 0]


def _blur(layer: GauConv2d) -> nn.Sequential:
    (across,), (down,) = (taps.detach() for taps in layer.blurring())
    channels = layer.in_channels
    return nn.Sequential(_depthwise(across, channels, rows=True), _depthwise(down, channels, rows=False))


def frozen_layer(layer: GauConv2d) -> nn.Module:
    """Return a module that computes what ``layer`` does in evaluation, on its device, by plain convolutions.

    Separate means become an ordinary kernel; shared ones stay separable, as a kernel of their extent would cost tens of
    times as much.
    """
    if layer.mode == "lowrank":
        return FrozenLowRank(layer)
    if layer.builds_kernels:
        return _convolution(layer, layer.kernel())
    if layer.means == "separate":
        return nn.Sequential(_blur(layer), _convolution(layer, layer.interpolating_kernel()))
    return FrozenShift(layer)


@torch.no_grad()
def _convolution(layer: GauConv2d, kernel: torch.Tensor) -> nn.Conv2d:
    radius = kernel.shape[-1] // 2
    made = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        2 * radius + 1,
        stride=layer.stride,
        padding=radius,
        bias=layer.bias is not None,
    )
    if layer.bias is not None and made.bias is not None:
        made.bias.copy_(layer.bias)
    return _filled(made, kernel.detach().to(layer.weight.dtype)).eval()
