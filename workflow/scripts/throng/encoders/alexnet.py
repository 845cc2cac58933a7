"""The convolutions of un-grouped AlexNet v2 as Learning to Count uses them, with TensorFlow's SAME padding."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

from throng.counting.network import initialise
from throng.encoders.encoder import Encoder

LAYERS = ((96, 11, 4), (256, 5, 1), (384, 3, 1), (384, 3, 1), (256, 3, 1))
POOLED = (1, 2)


def alexnet() -> Encoder:
    """Return conv1 to conv5, each with its ReLU, Glorot's uniform initialisation and biases 0; stride 16.

    Pictures of 113 to 128 pixels give 8 x 8 x 256, so that a max pool of 3 with stride 2 leaves 2304 features both for
    the 114 pixels of Noroozi et al., "Representation Learning by Learning to Count", ICCV 2017, and for 128. The layers
    are those of Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, wider.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = 3
    for number, (width, kernel, stride) in enumerate(LAYERS, 1):
        modules[f"conv{number}"] = SameConv2d(inputs, width, kernel, stride=stride)
        modules[f"relu{number}"] = nn.ReLU()
        if number in POOLED:
            modules[f"pool{number}"] = SameMaxPool2d(3, stride=2)
        inputs = width
    network = nn.Sequential(modules)
    initialise(network, "glorot")
    return Encoder(network, stages=[f"relu{number}" for number in range(1, 6)], features=inputs, stride=16)


class SameConv2d(nn.Conv2d):
    """A convolution to ceil(n / stride) positions, zeros around: half of them before, the odd one after."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return (B, out, ceil(H / stride), ceil(W / stride)) of (B, in, H, W)."""
        return super().forward(same_padded(input, self.kernel_size[0], self.stride[0]))


class SameMaxPool2d(nn.Module):
    """A max pool of features >= 0 to ceil(n / stride) positions."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, C, ceil(H / stride), ceil(W / stride)) of (B, C, H, W)."""
        # TensorFlow leaves positions outside out; beside a ReLU's features zeros never win either
        return functional.max_pool2d(same_padded(features, self.kernel, self.stride), self.kernel, self.stride)


def same_padded(features: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """Return (B, C, H, W) features with the zeros around them that TensorFlow's SAME adds."""
    across, down = (max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in (features.shape[3], features.shape[2]))
    return functional.pad(features, (across // 2, across - across // 2, down // 2, down - down // 2))
