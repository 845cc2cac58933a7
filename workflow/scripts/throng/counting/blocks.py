"""Convolution blocks with batch norm that the small counters are made of."""

from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """Two dilated 3x3 convolutions beside the identity, which is all that the block is at first."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        last_norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(last_norm.weight)
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            last_norm,
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features with what the block adds, rectified."""
        return torch.relu(features + self.body(features))


def halving(inputs: int, outputs: int) -> nn.Sequential:
    """Return a 3x3 convolution of stride 2 with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Return a linear map of channels with batch norm, of ``stride`` x ``stride`` cells at a time."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, stride, stride=stride, bias=False), nn.BatchNorm2d(outputs))
