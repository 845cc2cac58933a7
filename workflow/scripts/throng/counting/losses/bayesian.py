"""Bayesian loss: every head should expect one person, and the background nobody, without any density map as truth.

Source: Ma et al., "Bayesian loss for crowd count estimation with point supervision", ICCV 2019, eq. 8-16.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from throng.counting.losses.labels import Truth
from throng.errors import ThrongError

CHUNK = 64
FARTHEST = 1200.0
FARTHEST_DUMMY = 60.0


@dataclass(frozen=True)
class Bayesian:
    """The sum over heads of |1 - expected count| plus the background's expected count, mean over the images.

    A cell belongs to head n with a probability proportional to exp(-r_n^2 / 2 sigma^2), r_n the distance from its
    centre, and to the background with exp(-(d - r)^2 / 2 sigma^2), r that to the nearest head: a dummy point d pixels
    from it. ``sigma`` is in pixels; d is ``background`` times the shorter side of the image, ``sigma`` at least and 60
    times it at most (ThrongError above).
    """

    sigma: float = 8.0
    background: float = 0.15

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.background > 0):
            raise ThrongError(
                f"the Bayesian loss needs a positive sigma and background; got {self.sigma} and {self.background}"
            )

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; an image without heads costs the mass predicted there."""
        people, nobody = expected_counts(predicted, truth, self.sigma, self.background)
        losses = ((1 - people).abs() * truth.present).sum(1) + nobody.abs()
        return truth.mean(losses.to(predicted.dtype), truth.located)


def expected_counts(
    predicted: torch.Tensor, truth: Truth, sigma: float, background: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the count that each head expects, (B, N), and the background's, (B,): together the map's sum.

    A head's likelihood is a product over the axes, so evidence and expectations are matrix products of its row and
    column factors: heads x cells posteriors are never stored.
    """
    down, across = truth.offsets
    dummy = max(background * min(truth.labels.shape), sigma)
    if dummy > FARTHEST_DUMMY * sigma:
        raise ThrongError(
            f"the Bayesian loss's dummy point is {dummy:g} pixels from a head, more than {FARTHEST_DUMMY:g} sigmas of "
            f"{sigma:g}: lower background or raise sigma"
        )
    with torch.no_grad():
        rows = torch.exp(down**2 / (-2 * sigma**2)) * truth.present[..., None]
        columns = torch.exp(across**2 / (-2 * sigma**2))
        nearest = nearest_squared(down.to(truth.dtype), across.to(truth.dtype), truth.present).to(truth.exact)
        outside = torch.exp((dummy - nearest.sqrt()) ** 2 / (-2 * sigma**2))
        evidence = torch.bmm(rows.transpose(1, 2), columns) + outside
        # So far out the background has all but 1e-15 of the probability, and the likelihoods are about to underflow.
        far = nearest > FARTHEST * sigma**2
        share = torch.where(far, torch.zeros_like(evidence), 1 / torch.where(far, torch.ones_like(evidence), evidence))
        background_share = torch.where(far, torch.ones_like(evidence), outside * share)
    maps = predicted[:, 0].to(truth.exact)
    people = (torch.bmm(rows, maps * share) * columns).sum(2)
    return people, (maps * background_share).sum((1, 2))


def nearest_squared(down: torch.Tensor, across: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Return the squared distance from every cell's centre to its nearest head, (B, h, w), inf without heads."""
    down_squared = torch.where(present[..., None], down**2, torch.inf)
    across_squared = across**2
    images, heads, height = down.shape
    nearest = down.new_full((images, height, across.shape[2]), torch.inf)
    for start in range(0, heads, CHUNK):
        part = slice(start, start + CHUNK)
        squares = down_squared[:, part, :, None] + across_squared[:, part, None, :]
        nearest = torch.minimum(nearest, squares.amin(1))
    return nearest
