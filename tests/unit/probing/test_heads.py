"""Heads find what is linear in a layer, alone, whatever its scale; what is not there they do not find."""

import pytest
import torch

from throng.errors import ThrongError
from throng.probing.heads import HeadOptions, train_heads

OPTIONS = HeadOptions(epochs=20, batch_size=32)


def planted(number: int, strength: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (N, 12) whose coordinate ``kind`` is larger by ``strength``, and kinds (N,) of three."""
    draws = torch.Generator().manual_seed(seed)
    kinds = torch.arange(number) % 3
    features = torch.randn(number, 12, generator=draws)
    features[torch.arange(number), kinds] += strength
    return features, kinds


def test_a_planted_linear_feature_is_found_in_its_layer_and_not_beside_it():
    features, kinds = planted(300, 6.0, 0)
    noise, _ = planted(300, 0.0, 1)
    heads = train_heads([noise, features], kinds, OPTIONS, 0)
    fresh, true = planted(300, 6.0, 2)
    blank, _ = planted(300, 0.0, 3)
    told = (heads[1].kinds(fresh) == true).float().mean()
    guessed = (heads[0].kinds(blank) == true).float().mean()
    assert told > 0.97
    assert 0.2 < guessed < 0.48


def test_the_scale_and_the_offset_of_a_layer_change_no_answer():
    features, kinds = planted(90, 2.0, 0)
    fresh, _ = planted(90, 2.0, 1)
    (usual,) = train_heads([features], kinds, OPTIONS, 0)
    (other,) = train_heads([features * 1024 + 8192], kinds, OPTIONS, 0)
    assert torch.equal(usual.kinds(fresh), other.kinds(fresh * 1024 + 8192))


def test_a_layer_that_says_nothing_trains_beside_others():
    features, kinds = planted(90, 6.0, 0)
    heads = train_heads([torch.zeros(90, 5), features], kinds, OPTIONS, 0)
    assert len(heads[0].kinds(torch.zeros(4, 5)).unique()) == 1
    assert (heads[1].kinds(features) == kinds).float().mean() > 0.97


def test_equal_seeds_give_equal_heads():
    features, kinds = planted(90, 1.0, 0)
    (one,) = train_heads([features], kinds, OPTIONS, 5)
    (two,) = train_heads([features], kinds, OPTIONS, 5)
    assert torch.equal(one.linear.weight, two.linear.weight)


def test_one_kind_alone_is_refused():
    with pytest.raises(ThrongError, match="all pictures that the heads learn from are of one kind"):
        train_heads([torch.randn(10, 4)], torch.zeros(10, dtype=torch.int64), OPTIONS, 0)
