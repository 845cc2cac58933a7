"""Losses over scores: their values by hand, their directions, and what they do not depend on."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

import throng.ranking
from throng.ranking.losses import (
    delta_loss,
    empty_loss,
    listwise_loss,
    people_per_score,
    rank_loss,
    removal_loss,
    tie_loss,
    tile_loss,
)

REAL = st.floats(-30, 30)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("lead", "cost"), [(0.0, 0.6931), (2.0, 0.1269), (-2.0, 2.1269)])
def test_rank_loss_has_the_papers_values(lead, cost):
    assert float(rank_loss(doubles(lead + 3), doubles(3.0))) == pytest.approx(cost, abs=5e-5)
    assert throng.ranking.rank_loss is rank_loss


def test_rank_loss_is_the_mean_and_weights_scale_each_pair():
    more, fewer = doubles(2.0, 0.0), doubles(0.0, 0.0)
    assert float(rank_loss(more, fewer)) == pytest.approx((0.126928 + math.log(2)) / 2, abs=1e-6)
    assert float(rank_loss(more, fewer, doubles(0.5, 0.0))) == pytest.approx(0.126928 / 4, abs=1e-6)


def test_rank_loss_stays_finite_and_keeps_its_gradient_far_out():
    fewer = torch.tensor([1e4, 0.0], requires_grad=True)
    loss = rank_loss(torch.tensor([0.0, 1e4]), fewer)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(5e3)
    assert fewer.grad.tolist() == [0.5, 0.0]


@given(st.lists(st.tuples(REAL, REAL), min_size=1, max_size=6))
def test_gradients_of_the_two_sides_are_opposite(pairs):
    more, fewer = doubles(*pairs).T.clone().requires_grad_(True).unbind()
    grads = torch.autograd.grad(rank_loss(more, fewer), (more, fewer))
    assert torch.equal(grads[0], -grads[1])
    assert bool((grads[0] < 0).all())


@pytest.mark.parametrize(
    "loss",
    [
        lambda s: rank_loss(s[:4], s[4:8]),
        lambda s: tie_loss(s[:4], s[4:8], doubles(1, 0.5, 1, 0)),
        lambda s: delta_loss(s[:4], s[4:8], doubles(1, 0, 12, 3)),
        lambda s: listwise_loss(torch.where(torch.arange(4) < doubles(4, 2)[:, None], s[:8].reshape(2, 4), torch.nan)),
        lambda s: empty_loss(s, torch.arange(8) > 5),
        lambda s: tile_loss(s[:2], s[:8].reshape(2, 4)),
        lambda s: removal_loss(s[:4][None], s[4:8][None], torch.tensor([[1, 0, -1, 0]])),
    ],
)
def test_gradients_are_those_of_differences(loss):
    assert gradcheck(loss, (random(8).requires_grad_(True),))


def test_ties_cost_least_at_equal_scores_whoever_is_first():
    assert float(tie_loss(doubles(5.0), doubles(5.0))) == pytest.approx(math.log(2))
    assert float(tie_loss(doubles(1.0), doubles(3.0))) == pytest.approx(float(tie_loss(doubles(3.0), doubles(1.0))))
    assert float(tie_loss(doubles(1.0), doubles(3.0))) > math.log(2)


@given(st.floats(0.01, 100), st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any))
def test_leads_in_proportion_to_the_removed_cost_nothing_in_any_unit(unit, removed):
    delta = doubles(*removed)
    fewer = random(len(removed))
    assert float(delta_loss(fewer + delta / unit, fewer, delta)) == pytest.approx(0, abs=1e-6)
    assert float(delta_loss(fewer - delta / unit, fewer, delta)) == pytest.approx(2, abs=1e-6)
    assert people_per_score(fewer + delta / unit, fewer, delta) == pytest.approx(unit, rel=1e-6)


def test_delta_loss_knows_that_more_removed_should_lead_by_more_and_that_ties_should_not_lead():
    delta, fewer = doubles(1, 10), doubles(0, 0)
    assert delta_loss(doubles(1, 10), fewer, delta) < delta_loss(doubles(1, 3), fewer, delta)
    assert delta_loss(doubles(1, 3), fewer, delta) < delta_loss(doubles(10, 1), fewer, delta)
    delta = doubles(1, 10, 0)
    assert delta_loss(doubles(1, 10, 0), doubles(0, 0, 0), delta) < delta_loss(
        doubles(1, 10, 4), doubles(0, 0, 0), delta
    )


def test_delta_loss_is_least_squares_with_the_unit_eliminated():
    more, delta = random(7, seed=1) + 2, doubles(1, 2, 3, 0, 20, 6, 1)
    unit = people_per_score(more, torch.zeros(7), delta)
    rest = (((delta - unit * more) ** 2) / (delta + 1)).sum() / (delta**2 / (delta + 1)).sum()
    cosine = 1 - float(delta_loss(more, torch.zeros(7).double(), delta))
    assert float(rest) == pytest.approx(1 - cosine**2)


def chance(scores):
    """The probability of drawing pictures in this order, by its definition."""
    odds = [math.exp(score) for score in scores]
    return math.prod(odd / sum(odds[place:]) for place, odd in enumerate(odds[:-1]))


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6))
def test_listwise_is_plackett_luce(scores):
    expected = -math.log(chance(scores)) / (len(scores) - 1)
    assert float(listwise_loss(doubles(*scores)[None])) == pytest.approx(expected, abs=1e-9)


def test_the_chances_of_all_orders_sum_to_one():
    scores = (0.3, -1.0, 2.0, 0.7)
    found = [math.exp(-3 * float(listwise_loss(doubles(*order)[None]))) for order in itertools.permutations(scores)]
    assert sum(found) == pytest.approx(1)


def test_a_chain_of_two_is_a_pair_and_padding_changes_nothing():
    chains = doubles([2.0, 0.0, math.nan, math.nan], [3.0, 1.0, 0.5, 0.0])
    long = float(listwise_loss(doubles([3.0, 1.0, 0.5, 0.0])))
    pair = float(rank_loss(doubles(2.0), doubles(0.0)))
    assert float(listwise_loss(chains)) == pytest.approx((pair + long) / 2)
    assert float(listwise_loss(chains, doubles(1, 0))) == pytest.approx(pair / 2)


def test_triplets_know_their_direction_and_the_pairs_of_one_no_favourite_gap():
    enlarged_real_reduced = doubles([2.0, 1.0, 0.0])
    assert listwise_loss(enlarged_real_reduced) < listwise_loss(enlarged_real_reduced.flip(1))

    def pairs(a, b, c):
        return float(rank_loss(doubles(a, a, b), doubles(b, c, c)))

    assert pairs(2.0, 1.0, 0.0) < pairs(0.0, 1.0, 2.0)
    assert pairs(3.0, 2.0, 0.0) == pytest.approx(pairs(3.0, 1.0, 0.0))


@given(st.floats(0.01, 100))
def test_tiles_that_add_up_cost_nothing_and_the_unit_does_not_matter(unit):
    tiles = random(3, 4).abs() * unit
    assert float(tile_loss(tiles.sum(1), tiles)) == pytest.approx(0, abs=1e-9)
    off = float(tile_loss(tiles.sum(1) / 4, tiles))
    assert off == pytest.approx((3 / 4) ** 2 / (1 + 1 / 16))


def test_only_tiles_that_lost_somebody_may_change():
    removed = torch.tensor([[1, 0, 0, -1]])
    before = doubles([9.0, 2.0, 3.0, 4.0])
    right = removal_loss(before, doubles([1.0, 2.0, 3.0, 0.0]), removed)
    assert float(right) == pytest.approx(math.log1p(math.exp(-8)))
    elsewhere = removal_loss(before, doubles([9.0, 0.0, 3.0, 4.0]), removed)
    assert float(elsewhere) == pytest.approx(1 + math.log(2))
    nobody = removal_loss(before, before, torch.zeros(1, 4, dtype=torch.int64))
    assert float(nobody) == pytest.approx(0)


@given(st.floats(0.01, 100))
def test_empty_pictures_should_score_nothing_beside_the_others(unit):
    scores, empty = doubles(3.0, 0.0, 4.0, 1.0) * unit, torch.tensor([False, True, False, True])
    assert float(empty_loss(scores, empty)) == pytest.approx((1 / 2) / (26 / 4))
    assert float(empty_loss(scores, torch.zeros(4, dtype=torch.bool))) == 0
