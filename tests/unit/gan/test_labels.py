from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.gan.labels import Encoding, Fourier, OneHot, Ordinal, Unlabelled, Vector, encoding_of
from throng.gan.stylegan3.mapping import Mapping

ENCODINGS: list[Encoding] = [Unlabelled(), OneHot(3), Ordinal(4), Fourier((0.0, 1.5, 9.0), 3), Vector(5)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_card_gives_the_encoding_back(encoding: Encoding) -> None:
    assert encoding_of(json.loads(json.dumps(encoding.card()))) == encoding


def test_classes_are_told_as_one_entry_or_as_all_up_to_it() -> None:
    classes = torch.tensor([0.0, 2.0])
    np.testing.assert_array_equal(OneHot(3).encode(classes), [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(Ordinal(3).encode(classes), [[1, 0, 0], [1, 1, 1]])
    assert Unlabelled().encode(classes).shape == (2, 0)


def test_scores_are_told_as_waves_between_knots() -> None:
    # halfway between the second and the third of three knots: three quarters of the axis
    code = Fourier((0.0, 1.0, 9.0), 2).encode(torch.tensor([5.0]))
    turn = 0.75 * np.pi
    np.testing.assert_allclose(code, [[np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)]], atol=1e-6)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=8, unique=True))
def test_scores_in_order_have_codes_in_order_and_of_one_size(places: list[float]) -> None:
    encoding = Fourier.of(np.geomspace(1, 500, 100), octaves=3)
    scores = torch.tensor(sorted(1 + 499 * p for p in places), dtype=torch.float64)
    codes = encoding.encode(scores)
    assert (codes[:, 0].diff() <= 0).all()
    np.testing.assert_allclose(codes.square().sum(1), 3, rtol=1e-5)


def test_knots_are_quantiles_and_ties_share_one() -> None:
    scores = np.array([0.0] * 50 + list(range(1, 51)))
    encoding = Fourier.of(scores, steps=4)
    assert encoding.knots == tuple(np.unique(np.quantile(scores, [0, 0.25, 0.5, 0.75, 1])).tolist())
    assert encoding.place(torch.tensor([0.0, 50.0])).tolist() == [0, 1]


def test_a_bare_number_is_erased_by_the_mapping_and_no_encoding_of_ours_is() -> None:
    torch.manual_seed(0)

    def apart(codes: torch.Tensor) -> float:
        with torch.no_grad():
            w = Mapping(0, codes.shape[1], 64, 2)(None, codes)
        return float(torch.pdist(w).min() / w.norm(dim=1).mean())

    assert apart(Vector(1).encode(torch.tensor([[0.1], [1.0], [10.0]]))) < 1e-4
    assert apart(OneHot(3).encode(torch.arange(3.0))) > 0.1
    assert apart(Ordinal(3).encode(torch.arange(3.0))) > 0.1
    assert apart(Fourier((0.1, 1.0, 10.0)).encode(torch.tensor([0.1, 1.0, 10.0]))) > 0.1


@pytest.mark.parametrize(
    ("encoding", "labels", "message"),
    [
        (OneHot(3), torch.tensor([0.0, 3.0]), "class 3 is out of range: these networks know 0 to 2"),
        (Ordinal(3), torch.tensor([-1.0]), "class -1 is out of range"),
        (Ordinal(3), torch.tensor([float("nan")]), "class nan is out of range"),
        (OneHot(3), torch.tensor([0.5]), "class 0.5 is out of range"),
        (Fourier((1.0, 9.0)), torch.tensor([9.5]), "score 9.5 is out of range: these networks know 1 to 9"),
        (Fourier((1.0, 9.0)), torch.tensor([float("nan")]), "score nan is out of range"),
        (Vector(2), torch.zeros(3, 4), "expected 2 finite numbers"),
        (Vector(2), torch.full((1, 2), float("inf")), "expected 2 finite numbers"),
    ],
)
def test_labels_out_of_range_are_refused(encoding: Encoding, labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ThrongError, match=message):
        encoding.encode(labels)


def test_scores_that_say_nothing_are_refused() -> None:
    with pytest.raises(ThrongError, match="all 5 scores are equal"):
        Fourier.of(np.full(5, 2.0))
    with pytest.raises(ThrongError, match="missing or infinite"):
        Fourier.of(np.array([1.0, np.nan]))
    with pytest.raises(ThrongError, match="increasing knots"):
        Fourier((1.0, 1.0))
    with pytest.raises(ThrongError, match="cannot be encoded as 'rgb'"):
        encoding_of({"name": "rgb"})
