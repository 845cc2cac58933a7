"""What a ranker minimises: losses over the scores of pictures whose order, difference or equality is known.

None of them asks for a unit: a score times any positive number ranks alike, and where sizes of differences matter
(:func:`delta_loss`, :func:`tile_loss`, :func:`removal_loss`, :func:`empty_loss`) the unit is eliminated.
"""

from __future__ import annotations

import torch
from torch.nn import functional

EPSILON = 1e-12
NOWHERE = -1e30


def rank_loss(score_more: torch.Tensor, score_fewer: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean of log(1 + exp(-(score_more - score_fewer))) over pairs, a scalar; scores are (P,).

    ``weights`` (P,) multiply the pairs' losses. Equal scores cost log 2 = 0.6931, a lead of 2 costs 0.1269.
    Source: RankNet, Burges et al., "Learning to Rank using Gradient Descent", ICML 2005, eq. 3 for a sure order.
    """
    return _mean(functional.softplus(score_fewer - score_more), weights)


def tie_loss(score_one: torch.Tensor, score_other: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean cross-entropy over pairs (P,) that show as many people: either leads with probability 1/2.

    It is log 2 = 0.6931 at least, at equal scores. Source: RankNet, eq. 3 with target 1/2.
    """
    lead = score_one - score_other
    return _mean((functional.softplus(lead) + functional.softplus(-lead)) / 2, weights)


def delta_loss(score_more: torch.Tensor, score_fewer: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    """Return how far the leads of pairs (P,) are from growing as the numbers of removed people ``delta`` (P,) >= 0 do.

    A lead D should be delta / u for an unknown number u of people per unit of the score, with a variance in proportion
    to delta + 1: every person adds some, and painting adds some where nobody was removed, so that ties take part. With
    x = delta / sqrt(delta + 1) and y = D / sqrt(delta + 1), least squares over u > 0 leave |x|^2 (1 - cos^2), cos being
    the cosine between x and y over the pairs. What is returned is 1 - cos: it falls with that rest, but pulls on
    inverted orders too, where the square is blind. 0: exactly proportional; 2: exactly inverted.
    """
    spread = (delta + 1).sqrt()
    true, lead = delta / spread, (score_more - score_fewer) / spread
    return 1 - (true * lead).sum() / ((lead**2).sum() * (true**2).sum() + EPSILON).sqrt()


def people_per_score(score_more: torch.Tensor, score_fewer: torch.Tensor, delta: torch.Tensor) -> float:
    """Return the people per unit of the score that :func:`delta_loss` eliminates, by weighted least squares.

    All are (P,); NaN when no pair leads.
    """
    lead, true = (score_more - score_fewer).double(), delta.double()
    return float((true * lead / (true + 1)).sum() / (lead**2 / (true + 1)).sum())


def listwise_loss(scores: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean Plackett-Luce loss of chains (G, L), most people first; NaN fills shorter chains' ends.

    A chain's loss is -log of the probability that its pictures are drawn in their order, each with a chance in
    proportion to exp(score) among those left, over its length less one: for two pictures it is :func:`rank_loss`.
    ``weights`` (G,) multiply the chains' losses. It knows the direction: (2, 1, 0) costs less than (0, 1, 2).
    Source: Xia et al., "Listwise Approach to Learning to Rank", ICML 2008 (ListMLE).
    """
    known = ~scores.isnan()
    # finite, for the gradient of an infinite one is not a number
    filled = torch.where(known, scores, torch.full_like(scores, NOWHERE))
    rest = filled.flip(1).logcumsumexp(1).flip(1)
    costs = torch.where(known, rest, 0.0) - torch.where(known, scores, 0.0)
    return _mean(costs.sum(1) / (known.sum(1) - 1), weights)


def tile_loss(whole: torch.Tensor, tiles: torch.Tensor) -> torch.Tensor:
    """Return how far scores (B,) of downsampled pictures are from the sums of their four tiles' scores (B, 4).

    It is sum((whole - sum of tiles)^2) / sum(whole^2 + (sum of tiles)^2): 0 when all add up, at most 1 for scores >= 0,
    and the same in every unit.
    Source: Noroozi et al., "Representation Learning by Learning to Count", ICCV 2017, eq. 1.
    """
    parts = tiles.sum(1)
    return ((whole - parts) ** 2).sum() / ((whole**2 + parts**2).sum() + EPSILON)


def removal_loss(tiles_more: torch.Tensor, tiles_fewer: torch.Tensor, removed: torch.Tensor) -> torch.Tensor:
    """Return what is wrong with where scores change between pictures and their edits, tiles (P, 4) of each.

    ``removed`` (P, 4) int is 1 where somebody was removed from the tile, 0 where nobody was, -1 where that is unknown.
    The first part is the share of all squared changes in tiles that lost nobody; the second :func:`rank_loss` of
    the tiles that lost somebody.
    """
    change = tiles_more - tiles_fewer
    known, lost = removed >= 0, removed == 1
    squares = torch.where(known, change**2, 0.0)
    elsewhere = torch.where(lost, 0.0, squares).sum() / (squares.sum() + EPSILON)
    ranked = torch.where(lost, functional.softplus(-change), 0.0).sum() / lost.sum().clamp(min=1)
    return elsewhere + ranked


def empty_loss(scores: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
    """Return the mean square of the scores (N,) of ``empty`` pictures (N,) bool, over that of all; 0 without any.

    Leads alone leave open what a photograph without people scores. When that is 0 and leads grow with the removed, the
    scores of two photographs compare as their numbers of people do, in every unit.
    """
    squares = scores**2
    mean = torch.where(empty, squares, 0.0).sum() / empty.sum().clamp(min=1)
    return mean / (squares.mean() + EPSILON)


def _mean(losses: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    return losses.mean() if weights is None else (losses * weights).mean()
