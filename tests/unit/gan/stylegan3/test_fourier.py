from __future__ import annotations

import math

import numpy as np
import torch

from throng.gan.stylegan3.fourier import FourierInput


def waves(channels: int = 64, size: int = 12, rate: float = 8, cutoff: float = 2.0) -> FourierInput:
    """An input whose channels are its waves, unmixed."""
    field = FourierInput(6, channels, size=size, rate=rate, cutoff=cutoff)
    with torch.no_grad():
        field.weight.copy_(torch.eye(channels) * math.sqrt(channels))
    return field


def test_frequencies_fill_the_disc_evenly() -> None:
    field = FourierInput(6, 4000, size=4, rate=16, cutoff=2.0)
    radius = field.frequencies.norm(dim=1)
    assert radius.max() <= 2
    # uniform in a disc: the squared radius is uniform, and no direction is preferred
    np.testing.assert_allclose(np.quantile((radius / 2) ** 2, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)
    np.testing.assert_allclose(field.frequencies.mean(0), 0, atol=0.06)
    assert -0.5 <= field.phases.min() < -0.49 < 0.49 < field.phases.max() <= 0.5


def test_an_untrained_style_draws_the_waves_where_they_are() -> None:
    field = waves()
    drawn = field(torch.randn(2, 6)).detach()
    places = (np.arange(12) + 0.5 - 6) / 8
    f, phase = field.frequencies.double().numpy(), field.phases.double().numpy()
    expected = np.sin(
        2 * np.pi * (f[:, 1, None, None] * places[:, None] + f[:, 0, None, None] * places + phase[:, None, None])
    )
    np.testing.assert_allclose(drawn[0], expected, atol=1e-5)
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_a_style_can_turn_and_shift_the_field_but_not_scale_it() -> None:
    field = waves()
    plain = field(torch.zeros(1, 6)).detach()
    with torch.no_grad():
        # the content of (-y, x), two samples to the right
        field.affine.bias.copy_(torch.tensor([0.0, 5.0, 5.0 * 2 / 8, 0.0]))
    moved = field(torch.zeros(1, 6)).detach()
    turned = torch.rot90(plain, 1, (2, 3))
    np.testing.assert_allclose(moved[..., 2:], turned[..., :-2], atol=1e-5)


def test_waves_pushed_above_the_cutoff_fade_and_are_gone_at_half_the_rate() -> None:
    field = waves(3)
    with torch.no_grad():
        field.frequencies.copy_(torch.tensor([[1.0, 0.0], [1.5, 0.0], [2.0, 0.0]]))
    twice = torch.diag(torch.tensor([2.0, 2.0, 1.0]))[None]
    whole = field(torch.zeros(1, 6)).detach().abs().amax((2, 3))[0]
    faded = field(torch.zeros(1, 6), twice).detach().abs().amax((2, 3))[0]
    assert whole.min() > 0.7
    assert faded[0] > 0.7
    assert 0.4 < faded[1] < 0.501
    assert faded[2] < 1e-6
