"""Random choices of an augmentation, one per image, from PyTorch's global generator on the CPU.

They are drawn there whatever the device, so that a step's choices are the same everywhere and the few images that need
work are known without waiting for a GPU.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def chosen(count: int, probability: float) -> Tensor:
    """Return which of ``count`` images are chosen, bool (count,), each with ``probability``."""
    return torch.rand(count) < probability


def uniform(count: int, bound: float) -> Tensor:
    """Return (count,) numbers, uniform in -bound..bound, float64."""
    return (torch.rand(count, dtype=torch.float64) * 2 - 1) * bound


def normal(count: int, deviation: float) -> Tensor:
    """Return (count,) normal numbers of mean 0, float64."""
    return torch.randn(count, dtype=torch.float64) * deviation


def log2_normal(count: int, deviation: float) -> Tensor:
    """Return (count,) factors whose binary logarithm is normal of mean 0, float64."""
    return torch.exp2(normal(count, deviation))


def rotation(radians: Tensor) -> Tensor:
    """Return the (B, 2, 2) matrices that turn by ``radians`` (B,)."""
    cos, sin = torch.cos(radians), torch.sin(radians)
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)


def turns(count: int, probability: float, bound: float) -> Tensor:
    """Return (count,) angles, uniform in -bound..bound radians with ``probability``, else 0."""
    return torch.where(chosen(count, probability), uniform(count, min(bound, math.pi)), 0.0)
