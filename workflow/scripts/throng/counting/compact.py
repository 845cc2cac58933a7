"""A compact residual counter for machines without a GPU: batch norm, stride 8, dilation, a sixth of SANet's cost.

Multi-column networks without normalisation and full-resolution decoders need hundreds of passes over the data; residual
blocks with batch norm (He et al. 2016) on a map of stride 8, with context from dilation (CSRNet, Li et al. 2018), need
a few. It has no counterpart in the crowd-counting literature and no published figures.
"""

from __future__ import annotations

from torch import nn

from throng.counting.blocks import Residual, halving
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
        halving(in_channels, stem),
        halving(stem, middle),
        Residual(middle, 1),
        halving(middle, deep),
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
