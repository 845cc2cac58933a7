"""The running average of the generator's weights."""

import pytest
import torch
from torch import nn

from throng.gan.average import average_beta, default_half_life, update_average


def _scaled(weight: float, magnitude: float) -> nn.Linear:
    network = nn.Linear(1, 2, bias=False)
    nn.init.constant_(network.weight, weight)
    network.register_buffer("magnitude", torch.tensor([magnitude]))
    return network


def test_half_life_is_ten_thousand_images_at_a_batch_of_32():
    assert default_half_life(32) == 10_000
    assert default_half_life(8) == 2_500
    kept = average_beta(32, 10**9, default_half_life(32)) ** (10_000 / 32)
    assert kept == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seen", "ramp", "half_life"),
    [(100_000, 0.05, 5_000), (200_000, 0.05, 10_000), (10**7, 0.05, 10_000), (64, 0.05, 3.2), (64, None, 10_000)],
)
def test_ramp_holds_the_half_life_to_a_share_of_the_images_seen(seen, ramp, half_life):
    assert average_beta(32, seen, 10_000, ramp) == pytest.approx(0.5 ** (32 / half_life))


def test_first_step_of_a_ramp_takes_the_network_itself():
    assert average_beta(32, 0, 10_000) == 0.0


def test_weights_move_by_beta_and_buffers_are_copied():
    average, network = _scaled(1.0, 0.0), _scaled(3.0, 7.0)
    update_average(average, network, 0.75)
    assert average.weight.flatten().tolist() == [1.5, 1.5]
    assert average.get_buffer("magnitude").tolist() == [7.0]
    assert average.weight.requires_grad
    update_average(average, network, 0.0)
    assert torch.equal(average.weight, network.weight)
