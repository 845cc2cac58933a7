"""The probability of augmentation during a training."""

import pytest
import torch

from throng.errors import ThrongError
from throng.gan.augmentation import AdaptiveP, FixedP, RampP


def _logits(mean_sign: float, count: int = 100) -> torch.Tensor:
    positive = round(count * (1 + mean_sign) / 2)
    return torch.cat([torch.ones(positive, 1), -torch.ones(count - positive, 1)])


def _train(strength: AdaptiveP, signs: list[float], batch: int) -> list[float]:
    trajectory = []
    for sign in signs:
        strength.observe(_logits(sign))
        strength.advance(batch)
        trajectory.append(strength.p)
    return trajectory


def test_trajectory_is_the_closed_form():
    batch, kimg = 32, 500
    step = batch * 4 / (kimg * 1000)
    rising = _train(AdaptiveP(), [0.9] * 40, batch)
    assert rising == pytest.approx([step * ((index + 1) // 4) for index in range(40)])
    there_and_back = _train(AdaptiveP(), [0.9] * 12 + [0.2] * 8 + [0.6] * 4, batch)
    assert there_and_back[11] == pytest.approx(3 * step)
    assert there_and_back[19] == pytest.approx(step)
    assert there_and_back[23] == there_and_back[19]


def test_sign_is_that_of_the_mean_over_the_steps_in_between():
    strength = AdaptiveP(p=0.5)
    _train(strength, [1.0, 1.0, 1.0, -1.0], 32)
    assert strength.p < 0.5


def test_p_stays_between_0_and_its_bound():
    falling = AdaptiveP(kimg=0.1)
    _train(falling, [-1.0] * 8, 32)
    assert falling.p == 0.0
    rising = AdaptiveP(kimg=0.1)
    _train(rising, [1.0] * 8, 32)
    assert rising.p == 0.8
    _train(rising, [-1.0] * 4, 1)
    assert rising.p == pytest.approx(0.8 - 4 / 100)


@pytest.mark.parametrize("make", [AdaptiveP, lambda: RampP(kimg=0.2), lambda: FixedP(0.3)])
def test_resumed_run_goes_on_as_if_it_had_not_stopped(make):
    through, first = make(), make()
    for strength in (through, first):
        _train(strength, [0.9, 0.1, 0.9, 0.9, 0.2], 16)
    resumed = make()
    resumed.load_state_dict(first.state_dict())
    assert resumed.p == first.p
    assert _train(resumed, [0.95] * 10, 16) == _train(through, [0.95] * 10, 16)


def test_ramp_is_linear_then_flat():
    ramp = RampP(start=0.1, end=0.3, kimg=1)
    seen = []
    for _ in range(6):
        seen.append(ramp.p)
        ramp.advance(250)
    assert seen == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3, 0.3])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AdaptiveP(bound=0.9), "bound of p of augmentation must be in 0..0.8"),
        (lambda: AdaptiveP(p=0.5, bound=0.4), "p of augmentation must be in 0..0.4"),
        (lambda: AdaptiveP(target=2), "target in -1..1"),
        (lambda: FixedP(1.0), "p of augmentation must be in 0..0.8, beyond which it leaks: it is 1"),
        (lambda: RampP(end=0.95, kimg=10), "ramp's end of augmentation must be in 0..0.8"),
        (lambda: RampP(kimg=0), "more than 0 kimg: it is 0"),
    ],
)
def test_what_would_leak_or_make_no_sense_is_refused_in_a_sentence(make, sentence):
    with pytest.raises(ThrongError, match=sentence):
        make()
