"""The losses by name, and their weighted sum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

import torch

from throng.counting.losses.bayesian import Bayesian
from throng.counting.losses.counts import Count, CountLikelihood, Ranking
from throng.counting.losses.labels import Labels, Truth
from throng.counting.losses.maps import Pattern, Pixel
from throng.counting.losses.transport import Transport, Variation
from throng.errors import ThrongError


class Term(Protocol):
    """One loss: a frozen dataclass of its options that maps a batch to a scalar."""

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w)."""
        ...


TERMS: dict[str, type] = {
    "pixel": Pixel,
    "ssim": Pattern,
    "bayesian": Bayesian,
    "transport": Transport,
    "variation": Variation,
    "count": Count,
    "count_likelihood": CountLikelihood,
    "ranking": Ranking,
}
# Wang et al., "Distribution matching for crowd counting", NeurIPS 2020, eq. 9 with the weights of its section 5.
DM_COUNT = {"count": 1.0, "transport": 0.1, "variation": 0.01}


class LossValue(NamedTuple):
    """The weighted sum of the terms, a scalar to differentiate, and each term before its weight, detached."""

    total: torch.Tensor
    parts: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Loss:
    """A weighted sum of named losses; calling it compares a batch of maps with its labels."""

    terms: Mapping[str, tuple[float, Term]]

    def __call__(self, predicted: torch.Tensor, labels: Labels | Truth) -> LossValue:
        """Return the loss of density maps (B, 1, ceil(H / stride), ceil(W / stride)) in people per cell.

        Works in float32 at least, whatever autocast says. Every term but ranking is a mean over the images of the
        batch, so the loss of a batch is the mean of the losses of its images. Raises ThrongError when maps and labels
        do not fit.
        """
        maps = predicted.to(torch.promote_types(predicted.dtype, torch.float32))
        with torch.autocast(maps.device.type, enabled=False):
            truth = labels if isinstance(labels, Truth) else Truth(labels, maps)
            values = {name: term(maps, truth) for name, (_, term) in self.terms.items()}
        total = torch.stack([weight * values[name] for name, (weight, _) in self.terms.items()]).sum()
        return LossValue(total, {name: value.detach() for name, value in values.items()})


def build_loss(terms: Mapping[str, float | Mapping[str, Any]], *, target_scale: float = 1.0) -> Loss:
    """Return the loss that adds ``terms``: names with their weight, or with ``weight`` and the loss's own options.

    ``{"pixel": 1.0, "ssim": 1e-3}`` is SANet's, ``DM_COUNT`` DM-Count's and ``{"bayesian": {"weight": 1.0, "sigma":
    8.0}}`` the Bayesian loss; a weight of 0 switches a term off. ``target_scale`` multiplies both maps of "pixel" and
    should be the counter's. Raises ThrongError for a name or option that does not exist, or a weight below 0.
    """
    chosen: dict[str, tuple[float, Term]] = {}
    for name, given in terms.items():
        options = dict(given) if isinstance(given, Mapping) else {"weight": given}
        weight = options.pop("weight", None)
        if name not in TERMS:
            raise ThrongError(f"no loss is called {name!r}; known: {', '.join(TERMS)}")
        if not isinstance(weight, int | float) or not math.isfinite(weight) or weight < 0:
            raise ThrongError(f"the weight of loss {name!r} must be a finite number of at least 0, not {weight!r}")
        known = {field.name for field in fields(TERMS[name])}
        if not options.keys() <= known:
            foreign = ", ".join(sorted(options.keys() - known))
            raise ThrongError(f"loss {name!r} has no option {foreign}; known: {', '.join(sorted(known)) or 'none'}")
        if name == "pixel":
            options.setdefault("scale", target_scale)
        if weight > 0:
            chosen[name] = float(weight), TERMS[name](**options)
    if not chosen:
        raise ThrongError(f"a loss needs at least one term with a weight above 0; known: {', '.join(TERMS)}")
    return Loss(chosen)
