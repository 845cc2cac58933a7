import math

import numpy as np
import pytest
import torch

from throng.gan.metrics.resampling import as_if_turned, moved, moved_whole, octagon, turned


def _picture(side: int, highest: float, degrees: float = 0.0, move: tuple[float, float] = (0, 0)) -> torch.Tensor:
    """A sum of waves of up to ``highest`` cycles per pixel, turned counter-clockwise as seen, then moved: (1, R, R)."""
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * math.pi, 100), highest * np.sqrt(rng.uniform(0, 1, 100))
    phase = rng.uniform(0, 2 * math.pi, 100)
    axis = np.arange(side) - (side - 1) / 2
    y, x = np.meshgrid(axis - move[1], axis - move[0], indexing="ij")
    t = math.radians(degrees)
    back_x, back_y = math.cos(t) * x - math.sin(t) * y, math.sin(t) * x + math.cos(t) * y
    waves = np.cos(
        2 * math.pi * radius * (np.cos(angle) * back_x[..., None] + np.sin(angle) * back_y[..., None]) + phase
    )
    return torch.tensor(waves.sum(-1)[None] * math.sqrt(2 / 100) / 2)


def _decibels(one: torch.Tensor, other: torch.Tensor, known: torch.Tensor) -> float:
    return 20 * math.log10(2) - 10 * math.log10(float((one - other)[:, known].square().mean()))


@pytest.mark.parametrize("degrees", [0, 17, 45, 123.4])
def test_octagon_is_the_transform_of_what_both_grids_hold(degrees: float) -> None:
    side = 401
    axis = (torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5
    fy, fx = torch.meshgrid(axis, axis, indexing="ij")
    t = math.radians(degrees)
    held = ((math.cos(t) * fx + math.sin(t) * fy).abs() < 0.5) & ((math.cos(t) * fy - math.sin(t) * fx).abs() < 0.5)
    for x, y in ((0.0, 0.0), (0.3, -0.7), (2.2, 1.1)):
        expected = float((held * torch.cos(2 * math.pi * (x * fx + y * fy))).mean())
        assert float(octagon(torch.tensor([x, y], dtype=torch.float64), degrees)) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("degrees", [10, 45, 200, 271])
def test_a_turned_picture_is_what_the_smooth_picture_would_be(degrees: float) -> None:
    picture, wanted = _picture(48, 0.3), _picture(48, 0.3, degrees)
    found, known = turned(picture, degrees)
    filtered, also = as_if_turned(wanted, degrees)
    assert (known & also).sum() > 800
    assert _decibels(found, filtered, known & also) > 55
    assert _decibels(turned(picture, -degrees)[0], filtered, known & also) < 20


def test_a_quarter_turn_is_exact() -> None:
    picture = torch.randn(3, 24, 24, generator=torch.manual_seed(0))
    found, known = turned(picture, 90)
    filtered, also = as_if_turned(torch.rot90(picture, 1, (1, 2)), 90)
    assert _decibels(found, filtered, known & also) > 100


def test_a_picture_is_moved_by_fractions_of_pixels() -> None:
    picture, wanted = _picture(48, 0.25), _picture(48, 0.25, move=(3.3, -4.6))
    found, known = moved(picture[None], 3.3, -4.6)
    assert _decibels(found[0], wanted, known) > 40
    # the filter needs 3 pixels to either side of where each pixel comes from
    assert known.sum() == (48 - 6) * (48 - 7)
    whole, inside = moved_whole(picture[None], 3, -4)
    torch.testing.assert_close(whole[0][:, inside], _picture(48, 0.25, move=(3, -4))[:, inside])
    assert inside.sum() == 45 * 44


def test_a_constant_picture_stays_as_it_is() -> None:
    constant = torch.full((1, 24, 24), 0.7, dtype=torch.float64)
    for found, known in (moved(constant[None], 1.7, 0.4), turned(constant, 33), as_if_turned(constant, 33)):
        torch.testing.assert_close(found[..., known], torch.full_like(found[..., known], 0.7))
