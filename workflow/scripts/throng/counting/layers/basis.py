"""A few zero-mean kernels that span the Gaussians of density labels: principal components, and how much they miss.

Zero-mean isotropic Gaussians of sigma 1 to 8 need four components for 99.8 % of their energy; displaced by a couple of
pixels they need dozens. That is why the low-rank layer takes the translation out first (GauNet, CVPR 2022, figure 3).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch

from throng.errors import ThrongError


class Basis(NamedTuple):
    """Orthonormal kernels (r, T, T) float64, the share of energy that 1..r of them hold, and the relative L2 error."""

    components: torch.Tensor
    energy: tuple[float, ...]
    error: float


def gaussian_kernels(sigmas: torch.Tensor, size: int) -> torch.Tensor:
    """Return isotropic zero-mean Gaussians (N, size, size) of unit L2 norm, float64; ``sigmas`` (N,) in pixels."""
    positions = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    profile = torch.exp(-0.5 * (positions / sigmas.double()[:, None]).square())
    kernels = profile[:, :, None] * profile[:, None, :]
    return kernels / kernels.flatten(1).norm(dim=1)[:, None, None]


def pca_basis(kernels: torch.Tensor, rank: int) -> Basis:
    """Return the ``rank`` principal components of kernels (N, T, T), about zero, and what they miss.

    The error is the root of the missing share of energy over all kernels. Raises ThrongError when there are
    fewer kernels than components.
    """
    if not 1 <= rank <= min(len(kernels), kernels[0].numel()):
        raise ThrongError(f"a basis of {rank} components needs at least as many kernels; got {len(kernels)}")
    _, values, vectors = torch.linalg.svd(kernels.double().flatten(1), full_matrices=False)
    shares = values.square().cumsum(0) / values.square().sum()
    components = vectors[:rank]
    # An SVD leaves the sign open; the larger lobe up makes the basis the same everywhere.
    signs = torch.sign(components.sum(1, keepdim=True))
    components = (components * torch.where(signs == 0, 1.0, signs)).reshape(rank, *kernels.shape[1:])
    energy = tuple(min(1.0, float(share)) for share in shares[:rank])
    return Basis(components, energy, math.sqrt(max(0.0, 1 - energy[-1])))


@functools.lru_cache(maxsize=32)
def label_basis(low: float, high: float, rank: int, samples: int = 200) -> Basis:
    """Return the basis of label Gaussians with sigma log-uniform in [low, high] pixels, sampled regularly."""
    size = 2 * math.ceil(4 * high) + 1
    sigmas = torch.logspace(math.log10(low), math.log10(high), samples, dtype=torch.float64)
    return pca_basis(gaussian_kernels(sigmas, size), rank)


def separable_terms(components: torch.Tensor, tolerance: float = 1e-3) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Return components (r, T, T) as sums of separable terms: taps across and down (n, T), and each term's component.

    The terms left out of a component have a relative L2 norm of at most ``tolerance``.
    """
    across, down, owners = [], [], []
    for index, component in enumerate(components):
        left, values, right = torch.linalg.svd(component)
        missing = values.square().flip(0).cumsum(0).flip(0).sqrt()
        count = int((missing > tolerance * values.norm()).sum())
        across.extend(right[:count])
        down.extend((left[:, :count] * values[:count]).T)
        owners.extend([index] * count)
    return torch.stack(across), torch.stack(down), owners
