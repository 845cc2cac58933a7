"""MCNN, the Multi-Column CNN (Zhang et al., CVPR 2016): three columns of large, middle and small filters, stride 4."""

from __future__ import annotations

import torch
from torch import nn

from throng.counting.inputs import InputSpec
from throng.counting.network import Counter, Init, LastActivation, initialise

# (output channels, kernel) of the four convolutions of each column; a 2x2 max-pool follows the first two.
COLUMNS = (
    ((16, 9), (32, 7), (16, 7), (8, 7)),
    ((20, 7), (40, 5), (20, 5), (10, 5)),
    ((24, 5), (48, 3), (24, 3), (12, 3)),
)


def mcnn(
    name: str = "mcnn",
    in_channels: int = 3,
    *,
    init: Init = "he",
    last_activation: LastActivation = "relu",
    target_scale: float = 10.0,
) -> Counter:
    """Return an MCNN for grey (1) or RGB (3) input; 127,953 parameters with grey input."""
    network = MultiColumn(in_channels)
    initialise(network, init)
    return Counter(
        network,
        stride=4,
        multiple=4,
        in_channels=in_channels,
        target_scale=target_scale,
        last_activation=last_activation,
        input_spec=InputSpec(channels=in_channels, mean=114.0, std=58.0),
    )


class MultiColumn(nn.Module):
    """The three columns and the 1x1 convolution that fuses them; names match the published weights."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1, self.branch2, self.branch3 = (_column(in_channels, layers) for layers in COLUMNS)
        self.fuse = nn.Sequential(NamedConv(sum(layers[-1][0] for layers in COLUMNS), 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the fused map, (B, 1, H / 4, W / 4)."""
        return self.fuse(torch.cat([self.branch1(images), self.branch2(images), self.branch3(images)], 1))


class NamedConv(nn.Module):
    """A 'same' convolution under the name ``conv``, as the published weight files call it."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the convolved features."""
        return self.conv(features)


class ConvRelu(NamedConv):
    """A 'same' convolution with ReLU."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the rectified features."""
        return torch.relu(self.conv(features))


def _column(in_channels: int, layers: tuple[tuple[int, int], ...]) -> nn.Sequential:
    modules: list[nn.Module] = []
    inputs = in_channels
    for index, (outputs, kernel) in enumerate(layers):
        modules.append(ConvRelu(inputs, outputs, kernel))
        if index < 2:
            modules.append(nn.MaxPool2d(2))
        inputs = outputs
    return nn.Sequential(*modules)
