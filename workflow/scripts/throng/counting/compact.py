"""A compact residual counter for machines without a GPU: batch norm, stride 8, dilation, a sixth of SANet's cost.

Multi-column networks without normalisation and full-resolution decoders need hundreds of passes over the data; residual
blocks with batch norm (He et al. 2016) on a map of stride 8, with context from dilation (CSRNet, Li et al. 2018), need
a few. It has no counterpart in the crowd-counting literature and no published figures.
"""

from __future__ import annotations

import torch
from torch import nn

from throng.counting.inputs import InputSpec
from throng.counting.network import Counter, Init, LastActivation, initialise

WIDTHS = (24, 48, 96)
CONTEXT_DILATIONS = (1, 2, 3, 1)


def compact(
    name: str = "compact",
    in_channels: int = 3,
    *,
    init: Init = "he",
    last_activation: LastActivation = "relu",
    target_scale: float = 4.0,
) -> Counter:
    """Return a compact counter for grey (1) or RGB (3) input, stride 8."""
    stem, middle, deep = WIDTHS
    network = nn.Sequential(
        _down(in_channels, stem),
        _down(stem, middle),
        Residual(middle, 1),
        _down(middle, deep),
        *(Residual(deep, dilation) for dilation in CONTEXT_DILATIONS),
        nn.Conv2d(deep, 1, 1),
    )
    initialise(network, init)
    return Counter(
        network,
        stride=8,
        multiple=8,
        in_channels=in_channels,
        target_scale=target_scale,
        last_activation=last_activation,
        input_spec=InputSpec(channels=in_channels, mean=114.0, std=58.0),
    )


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


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
