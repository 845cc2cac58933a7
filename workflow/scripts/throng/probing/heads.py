"""Linear heads on frozen layers, trained together: which kind of thing does each layer alone tell.

Source: Noroozi, Pirsiavash and Favaro, "Representation learning by learning to count", ICCV 2017, table 2, after Zhang
et al., 2016: multinomial logistic regression on each layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from throng.errors import ThrongError
from throng.schedules import Polynomial


@dataclass(frozen=True)
class HeadOptions:
    """How the heads are trained: Adam, its rate falling to ``last_rate`` by a polynomial of ``power``."""

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    last_rate: float = 1e-9
    power: float = 2.0


@dataclass(frozen=True)
class Head:
    """One layer's classifier: scores = (features - centre) / spread . weights + bias; centre (F,), spread a scalar."""

    linear: nn.Linear
    centre: torch.Tensor
    spread: torch.Tensor

    @torch.inference_mode()
    def kinds(self, features: torch.Tensor) -> torch.Tensor:
        """Return the likeliest kind (N,) int64 of each row of features (N, F)."""
        return self.linear((features - self.centre) / self.spread).argmax(1)


def train_heads(layers: Sequence[torch.Tensor], kinds: torch.Tensor, options: HeadOptions, seed: int) -> list[Head]:
    """Return one head per layer, trained jointly by the mean of their cross-entropies.

    ``layers`` hold features (N, F) float32 of the same pictures, ``kinds`` (N,) int64 theirs. A layer is centred and
    divided by one number, its root mean square, so that no layer and no network wins by its scale; all weights start
    at zero. ``seed`` draws the batches. Equal arguments give equal heads. Raises ThrongError when all pictures are of
    one kind.
    """
    if len(kinds.unique()) < 2:
        raise ThrongError("all pictures that the heads learn from are of one kind: a probe needs two kinds or more")
    centres = [layer.mean(0) for layer in layers]
    spreads = [
        (layer - centre).square().mean().sqrt().clamp(min=1e-12) for layer, centre in zip(layers, centres, strict=True)
    ]
    linears = [nn.Linear(layer.shape[1], int(kinds.max()) + 1) for layer in layers]
    for linear in linears:
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
    parameters = [parameter for linear in linears for parameter in linear.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=options.learning_rate)
    draws = torch.Generator().manual_seed(seed)
    schedule = Polynomial(options.power, options.last_rate)
    batches = -(-len(kinds) // options.batch_size)
    orders = (torch.randperm(len(kinds), generator=draws) for _ in range(options.epochs))
    for step, chosen in enumerate(chosen for order in orders for chosen in order.split(options.batch_size)):
        losses = [
            functional.cross_entropy(linear((layer[chosen] - centre) / spread), kinds[chosen])
            for linear, layer, centre, spread in zip(linears, layers, centres, spreads, strict=True)
        ]
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(options.learning_rate, step, options.epochs * batches)
        optimizer.zero_grad()
        torch.stack(losses).mean().backward()
        optimizer.step()
    return [Head(*parts) for parts in zip(linears, centres, spreads, strict=True)]
