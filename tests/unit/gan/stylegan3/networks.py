"""Networks small enough for a test."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from throng.gan.stylegan3 import Discriminator, Generator


def small_generator(c_dim: int = 0, **options: Any) -> Generator:
    sizes: dict[str, Any] = {
        "resolution": 16,
        "cbase": 64,
        "cmax": 8,
        "z_dim": 16,
        "w_dim": 24,
        "layers": 4,
        "margin": 4,
    }
    return Generator(c_dim=c_dim, **(sizes | options))


def small_discriminator(c_dim: int = 0, **options: Any) -> Discriminator:
    return Discriminator(**({"resolution": 16, "cbase": 128, "cmax": 8, "c_dim": c_dim} | options))


def disturbed(network: nn.Module) -> nn.Module:
    """As if it had been trained: no parameter is at a value it was built with."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def psnr(one: Tensor, other: Tensor) -> float:
    """In dB, for a span of 2 as of -1..1."""
    return float(10 * torch.log10(4 / (one - other).square().mean()))
