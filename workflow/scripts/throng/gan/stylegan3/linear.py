"""Linear maps with an equalised learning rate (Karras et al., Progressive Growing of GANs, ICLR 2018, section 4.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROOT_2 = math.sqrt(2)
SLOPE = 0.2


class Linear(nn.Module):
    """A linear map (B, inputs) -> (B, outputs) whose stored weights are of unit scale, optionally then leaky ReLU.

    Weights start as N(0, 1) / ``rate``, or at zero, and act multiplied with ``rate`` / sqrt(inputs); the bias starts at
    ``bias`` and is stored divided by ``rate``. The leaky ReLU has slope 0.2 and gain sqrt 2.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activated: bool = False,
        rate: float = 1.0,
        bias: float = 0.0,
        zero: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs) if zero else torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.activated = activated
        self.rate = rate

    @property
    def gain(self) -> float:
        """What the stored weights are multiplied with."""
        return self.rate / math.sqrt(self.weight.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs)."""
        y = F.linear(x, self.weight * self.gain, self.bias * self.rate)
        return F.leaky_relu(y, SLOPE) * ROOT_2 if self.activated else y


def normalised(x: Tensor) -> Tensor:
    """Return rows of (B, n) divided by their root mean square."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
