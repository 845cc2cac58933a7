"""The low-rank form's own parts: a basis of zero-mean kernels, and weights of the units that differ by position."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from throng.counting.layers import shifting, taps
from throng.counting.layers.basis import label_basis, separable_terms
from throng.errors import ThrongError


@dataclass(frozen=True)
class LowRank:
    """What the low-rank mode is made of.

    ``basis`` is "pca" (components of label Gaussians, fixed) or "gaussian" (one Gaussian per component, its sigma
    a parameter). ``positions`` says what the weights of the units follow: "features" (a query from the input by a 1x1
    convolution), "grid" (a learnt map of ``grid`` (rows, columns) queries, stretched over the image: local
    connectivity), or "constant" (1 / K everywhere). A query and a unit's key have ``key_channels`` numbers.
    """

    rank: int = 3
    basis: Literal["pca", "gaussian"] = "pca"
    positions: Literal["features", "grid", "constant"] = "features"
    key_channels: int = 8
    grid: tuple[int, int] = (8, 8)

    def __post_init__(self) -> None:
        if self.basis not in {"pca", "gaussian"}:
            raise ThrongError(f"basis must be pca or gaussian, not {self.basis!r}")
        if self.positions not in {"features", "grid", "constant"}:
            raise ThrongError(f"positions must be features, grid or constant, not {self.positions!r}")
        if min(self.rank, self.key_channels, *self.grid) < 1:
            raise ThrongError("rank, key_channels and both sides of the grid must be at least 1")


class ZeroMeanBasis(nn.Module):
    """The basis kernels as separable terms; a PCA's are buffers, Gaussians are made from sigma at each call.

    ``energy`` is the share of the label Gaussians' energy that a PCA basis holds, None for Gaussians.
    """

    def __init__(self, options: LowRank, low: float, high: float) -> None:
        super().__init__()
        self.kind, self.rank = options.basis, options.rank
        self.energy: float | None = None
        self.owners = list(range(self.rank))
        if self.kind == "pca":
            basis = label_basis(low, high, self.rank)
            across, down, self.owners = separable_terms(basis.components)
            self.register_buffer("across", across.float())
            self.register_buffer("down", down.float())
            self.energy = basis.energy[-1]

    @staticmethod
    def sigmas(options: LowRank, low: float, high: float) -> torch.Tensor:
        """Return ``rank`` log-spaced sigmas from low to high, float64."""
        return torch.logspace(math.log10(low), math.log10(high), options.rank, dtype=torch.float64)

    def coefficients(self, options: LowRank, low: float, high: float) -> torch.Tensor:
        """Return (r, r): row i is the normalised Gaussian of the i-th log-spaced sigma in terms of the basis."""
        if self.kind == "gaussian":
            return torch.eye(self.rank)
        components = label_basis(low, high, self.rank).components
        size = components.shape[-1]
        positions = torch.arange(size, dtype=torch.float64) - size // 2
        profile = taps.gaussian_taps(torch.zeros(self.rank), self.sigmas(options, low, high), positions)
        return ((profile[:, :, None] * profile[:, None, :]).flatten(1) @ components.flatten(1).T).float()

    def terms(self, sigma: torch.Tensor, reach: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the separable terms (n, T) along x and along y."""
        if self.kind == "pca":
            return self.get_buffer("across"), self.get_buffer("down")
        positions = torch.arange(-reach, reach + 1, device=sigma.device)
        gaussians = taps.gaussian_taps(torch.zeros_like(sigma), sigma, positions)
        return gaussians, gaussians

    def blur(self, features: torch.Tensor, sigma: torch.Tensor, reach: int, margin: int) -> list[torch.Tensor]:
        """Return features, zero outside, through each component: r maps (B, C, H + 2 margin, W + 2 margin)."""
        across, down = self.terms(sigma, reach)
        wider = shifting.padded(features, margin + across.shape[1] // 2)
        parts: list[list[torch.Tensor]] = [[] for _ in range(self.rank)]
        for index, owner in enumerate(self.owners):
            parts[owner].append(shifting.separable(wider, across[index], down[index]))
        return [functools.reduce(torch.add, part) for part in parts]


class PositionWeights(nn.Module):
    """Softmax weights of K units at every position: an inner product of a query there and each unit's key."""

    def __init__(self, options: LowRank, in_channels: int, units: int) -> None:
        super().__init__()
        self.kind, self.units = options.positions, units
        width = options.key_channels
        if self.kind != "constant":
            self.key = nn.Parameter(torch.randn(units, width) / math.sqrt(width))
        if self.kind == "grid":
            self.query = nn.Parameter(torch.zeros(width, *options.grid))
        elif self.kind == "features":
            self.query = nn.Parameter(torch.randn(width, in_channels) / math.sqrt(in_channels))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, K, H, W), summing to 1 over the units."""
        height, width = features.shape[-2:]
        if self.kind == "constant":
            return features.new_full((len(features), self.units, height, width), 1 / self.units)
        if self.kind == "grid":
            stretched = functional.interpolate(self.query[None], (height, width), mode="bilinear", align_corners=False)
            queries = stretched.to(features.dtype).expand(len(features), -1, -1, -1)
        else:
            queries = shifting.mix(features, self.query)
        return torch.softmax(shifting.mix(queries, self.key), 1)

    def multiply_accumulates_per_site(self) -> int:
        """Return the multiply-accumulates at one position, without the stretching of a grid."""
        if self.kind == "constant":
            return 0
        return self.key.numel() + (self.query.numel() if self.kind == "features" else 0)
