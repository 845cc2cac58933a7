"""Losses of counts alone: error in people, likelihood of an uncertain count, and the order of a ranked pair."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from throng.counting.losses.labels import Truth, counts_of
from throng.errors import ThrongError


@dataclass(frozen=True)
class Count:
    """The mean over the images of |predicted count - true count| in people."""

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; images of unknown count cost nothing."""
        known = ~truth.counts.isnan()
        return truth.mean((counts_of(predicted) - truth.counts.nan_to_num()).abs(), known)


@dataclass(frozen=True)
class CountLikelihood:
    """The mean over the images of (predicted - true count)^2 / (2 std^2).

    That is the negative log-likelihood of a label c ~ N(predicted, std^2) without its constant, so that the truth costs
    zero: a count that may be 30 off pulls 900 times less than one that may be 1 off. ``smallest_std`` in
    people is that of exact labels and the least of all.
    """

    smallest_std: float = 1.0

    def __post_init__(self) -> None:
        if not self.smallest_std > 0:
            raise ThrongError(f"smallest_std must be a positive number of people, not {self.smallest_std}")

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; images of unknown count cost nothing."""
        known = ~truth.counts.isnan()
        error = counts_of(predicted) - truth.counts.nan_to_num()
        return truth.mean(0.5 * (error / truth.stds.clamp(min=self.smallest_std)) ** 2, known)


@dataclass(frozen=True)
class Ranking:
    """The mean over ranked pairs of max(0, count of the fewer - count of the more + margin), in people.

    ``margin`` is added to the pairs' own. Weights of images do not touch it: that one image has more people
    than another is sure even where neither count is. Source: Liu et al., "Leveraging unlabeled data for crowd counting
    by learning to rank", CVPR 2018, eq. 4.
    """

    margin: float = 0.0

    def __post_init__(self) -> None:
        if not self.margin >= 0:
            raise ThrongError(f"a ranking margin must be at least 0 people, not {self.margin}")

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; zero without pairs."""
        pairs = truth.labels.pairs
        counts = counts_of(predicted)
        if pairs is None or len(pairs) == 0:
            return 0 * counts.sum()
        more, fewer = _checked(pairs, truth).to(truth.device).unbind(1)
        margins = self.margin
        if truth.labels.margins is not None:
            margins = truth.labels.margins.to(counts) + self.margin
        return torch.relu(counts[fewer] - counts[more] + margins).mean()


def _checked(pairs: torch.Tensor, truth: Truth) -> torch.Tensor:
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.is_floating_point():
        raise ThrongError(f"pairs must be (P, 2) integers (more, fewer); got {pairs.dtype} {tuple(pairs.shape)}")
    if pairs.device.type == "cpu" and not (int(pairs.min()) >= 0 and int(pairs.max()) < truth.images):
        raise ThrongError(f"pairs point outside the batch of {truth.images} images: {pairs.tolist()}")
    margins = truth.labels.margins
    if margins is not None and tuple(margins.shape) != (len(pairs),):
        raise ThrongError(f"margins must have one value per pair, {len(pairs)}; got shape {tuple(margins.shape)}")
    return pairs
