"""A probed network is the same afterwards, to the bit, or the probe fails."""

import pytest
import torch
from torch import nn

from throng.errors import ThrongError
from throng.probing.frozen import frozen, parameter_hash


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def test_the_hash_knows_every_parameter_and_every_running_statistic():
    for change in (
        lambda one: one[0].weight.data[0, 0, 0, 0].add_(1e-6),
        lambda one: one[1].running_mean.add_(1e-6),
        lambda one: one[1].num_batches_tracked.add_(1),
    ):
        changed = network()
        change(changed)
        assert parameter_hash(changed) != parameter_hash(network())
    assert parameter_hash(network()) == parameter_hash(network())


def test_inside_nothing_learns_and_no_running_statistic_moves():
    probed = network().train()
    with frozen(probed, "network pretext, seed-1") as before:
        probed(torch.randn(2, 3, 8, 8))
        assert not any(parameter.requires_grad for parameter in probed.parameters())
    assert parameter_hash(probed) == before


def test_a_network_that_changes_is_an_error_that_names_it():
    probed = network()
    with (
        pytest.raises(ThrongError, match="network pretext, seed-1 has changed while it was probed"),
        frozen(probed, "network pretext, seed-1"),
    ):
        probed.train()
        probed(torch.randn(2, 3, 8, 8))
