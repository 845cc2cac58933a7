"""The rank head: pooled features >= 0 to one score by weights that cannot be negative."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Self

import torch
from torch import nn
from torch.nn import functional

from throng.errors import ThrongError

# softplus of this is 1
ONE = 0.5413248546129181
# how many times faster than other parameters a weight's softplus moves: encoders' weights are far smaller than 1, and
# at their pace features that backgrounds have too would keep their share of the score
PACE = 20.0


class RankHead(nn.Module):
    """Scores (B,) of pooled features (B, C) >= 0: more of any feature never lowers a score.

    Each weight is the softplus of a free parameter, so that no step, average or half precision makes it negative, and a
    gradient always reaches it. There is no ReLU behind the score: scores are sums of what is not negative, and a ReLU
    would stop learning where both scores of a pair are 0. Hidden layers have such weights too, free biases and
    softplus, which never dies; without any, the score of features 0 is 0 and scores of parts add up. ``gain`` is a
    constant that :meth:`calibrate` chooses once. D'Alessandro et al., "Synthesize, Rank, Count", 2023.
    """

    def __init__(self, features: int, *, hidden_layers: int = 0, hidden_width: int = 128) -> None:
        super().__init__()
        sizes = [features, *[hidden_width] * hidden_layers]
        self.hidden = nn.ModuleList(
            NonNegativeLinear(inputs, outputs, bias=True) for inputs, outputs in itertools.pairwise(sizes)
        )
        self.last = NonNegativeLinear(sizes[-1], 1, bias=False)
        self.register_buffer("gain", torch.ones(()))

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return scores (B,) of pooled features (B, C)."""
        return scored(pooled, self.tensors())

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the weights as they act, all >= 0, and the biases of hidden layers, by name for a file."""
        found: dict[str, torch.Tensor] = {}
        for number, layer in enumerate(self.hidden):
            assert isinstance(layer, NonNegativeLinear)
            found |= {f"hidden.{number}.weight": layer.weight(), f"hidden.{number}.bias": layer.offset()}
        return found | {"weight": self.get_buffer("gain") * self.last.weight()[0]}

    @torch.no_grad()
    def calibrate(self, leads: torch.Tensor) -> Self:
        """Choose the gain so that ``leads`` (P,), differences of scores as they are now, have a root mean square of 1.

        Features' sizes differ from encoder to encoder, and the losses see scores in units of 1. Leads of 0 change
        nothing.
        """
        size = leads.double().pow(2).mean().sqrt().float()
        if size > 0:
            self.get_buffer("gain").div_(size.to(self.get_buffer("gain").device))
        return self


class NonNegativeLinear(nn.Module):
    """A linear layer whose weights are softplus(PACE raw) / inputs."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__()
        self.inputs = inputs
        # one output starts at the mean of its inputs, several must start apart
        start = torch.full((outputs, inputs), ONE) + (torch.randn(outputs, inputs) if bias else 0.0)
        self.raw = nn.Parameter(start / PACE)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def weight(self) -> torch.Tensor:
        """Return the weights (outputs, inputs), all >= 0."""
        return functional.softplus(PACE * self.raw) / self.inputs

    def offset(self) -> torch.Tensor:
        """Return the biases (outputs,), zeros where there are none."""
        return self.raw.new_zeros(len(self.raw)) if self.bias is None else self.bias


def scored(pooled: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return scores (B,) of pooled features (B, C) by the tensors of a head; computed in float32.

    Raises ThrongError when a weight is negative or does not fit.
    """
    with torch.autocast(pooled.device.type, enabled=False):
        features = pooled.float()
        for number in range(sum(name.endswith(".bias") for name in tensors)):
            weight, bias = tensors[f"hidden.{number}.weight"], tensors[f"hidden.{number}.bias"]
            features = functional.softplus(functional.linear(features, weight, bias))
        return features @ tensors["weight"]


def check_head(tensors: Mapping[str, torch.Tensor], features: int) -> None:
    """Raise ThrongError unless the tensors are a rank head on that many features, no weight of it negative."""
    layers = sum(name.endswith(".bias") for name in tensors)
    names = {f"hidden.{number}.{part}" for number in range(layers) for part in ("weight", "bias")} | {"weight"}
    if set(tensors) != names:
        raise ThrongError(
            f"a rank head holds {', '.join(sorted(names))}, not {', '.join(sorted(tensors)) or 'nothing'}"
        )
    for number in range(layers):
        width, inputs = tensors[f"hidden.{number}.weight"].shape
        if inputs != features or tensors[f"hidden.{number}.bias"].shape != (width,):
            raise ThrongError(f"hidden layer {number} of the rank head does not fit {features} features")
        features = width
    if tensors["weight"].shape != (features,):
        raise ThrongError(f"the rank head weighs {tuple(tensors['weight'].shape)} features, there are {features}")
    for name, tensor in tensors.items():
        if name.endswith("weight") and not bool((tensor >= 0).all()):
            raise ThrongError(f"the rank head's tensor {name} has weights that are negative or not numbers")
