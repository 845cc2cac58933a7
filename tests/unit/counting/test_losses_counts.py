import math

import pytest
import torch
from torch.nn import functional

from throng.counting.losses import Labels, build_loss

SHAPE, STRIDE = (16, 16), 8


def maps(*counts):
    return torch.tensor(counts, dtype=torch.float64)[:, None, None, None].expand(-1, 1, 2, 2) / 4


def labels(*numbers, **more):
    return Labels([torch.rand(n, 2) * 15 for n in numbers], SHAPE, STRIDE, **more)


def total(terms, predicted, truth):
    return float(build_loss(terms)(predicted, truth).total)


def test_count_is_the_mean_error_in_people():
    assert total({"count": 1.0}, maps(3.0, 10.0), labels(5, 9)) == pytest.approx(1.5)
    assert total({"count": 1.0}, maps(3.0, 10.0), labels(5, 9, counts=torch.tensor([math.nan, 4.0]))) == pytest.approx(
        4
    )
    assert total({"count": 1.0}, maps(3.0, 10.0), labels(5, 9, weights=torch.tensor([0.5, 0.0]))) == pytest.approx(0.5)


def test_the_likelihood_is_the_gaussian_one_above_the_smallest_std():
    truth = labels(0, 0, counts=torch.tensor([40.0, 20.0]), stds=torch.tensor([30.0, 5.0]))
    predicted = maps(10.0, 30.0)
    gaussian = functional.gaussian_nll_loss(
        torch.tensor([10.0, 30.0]), torch.tensor([40.0, 20.0]), torch.tensor([900.0, 25.0])
    )
    constant = torch.tensor([30.0, 5.0]).log().mean()
    assert total({"count_likelihood": 1.0}, predicted, truth) == pytest.approx(float(gaussian - constant))
    exact = labels(3, 3, stds=torch.tensor([math.nan, 0.1]))
    assert total({"count_likelihood": 1.0}, maps(5.0, 3.0), exact) == pytest.approx(0.5 * 4 / 2)


def test_an_uncertain_count_pulls_less():
    predicted = maps(10.0, 10.0).clone().requires_grad_()
    truth = labels(0, 0, counts=torch.tensor([40.0, 40.0]), stds=torch.tensor([1.0, 30.0]))
    build_loss({"count_likelihood": 1.0})(predicted, truth).total.backward()
    assert predicted.grad is not None
    assert float(predicted.grad[0].sum() / predicted.grad[1].sum()) == pytest.approx(900)


def test_ranking_is_pytorchs_margin_ranking():
    predicted = maps(4.0, 6.0, 5.0)
    pairs = torch.tensor([[0, 1], [1, 2], [2, 0]])
    known = functional.margin_ranking_loss(
        torch.tensor([4.0, 6, 5]), torch.tensor([6.0, 5, 4]), torch.ones(3), margin=1.5
    )
    nowhere = Labels([None] * 3, SHAPE, STRIDE, pairs=pairs, weights=torch.zeros(3))
    assert total({"ranking": {"weight": 1.0, "margin": 1.5}}, predicted, nowhere) == pytest.approx(float(known))


def test_a_known_number_of_removed_people_is_a_pairs_own_margin():
    truth = Labels([None, None], SHAPE, STRIDE, pairs=torch.tensor([[0, 1]]), margins=torch.tensor([7.0]))
    assert total({"ranking": 1.0}, maps(12.0, 5.0), truth) == 0
    assert total({"ranking": 1.0}, maps(12.0, 9.0), truth) == pytest.approx(4)
