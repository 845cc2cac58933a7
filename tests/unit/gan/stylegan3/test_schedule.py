from __future__ import annotations

import pytest
import torch
from torch import nn

from throng.errors import ThrongError
from throng.gan.stylegan3 import Discriminator, Generator
from throng.gan.stylegan3.schedule import Step, schedule


def steps(resolution: int, cbase: int, cmax: int) -> list[Step]:
    return schedule(resolution, cbase, cmax, layers=14, critical=2, margin=10)


@pytest.fixture
def _unfilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights whose values do not matter take their time to draw."""
    monkeypatch.setattr(torch, "randn", torch.empty)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.usefixtures("_unfilled")
@pytest.mark.parametrize(
    ("config", "resolution", "cbase", "c_dim", "parameters"),
    [
        ("t", 512, 32768, 0, 24_873_519),
        ("t", 256, 16384, 0, 23_320_443),
        ("t", 256, 16384, 3, 23_584_635),
        ("t", 1024, 32768, 0, 22_313_167),
        ("r", 256, 16384, 0, 15_779_565),
        ("r", 256, 16384, 3, 16_043_757),
        ("r", 256, 32768, 0, 18_816_387),
        ("r", 1024, 32768, 0, 15_093_151),
    ],
)
def test_generators_have_as_many_parameters_as_the_published_ones(
    config: str, resolution: int, cbase: int, c_dim: int, parameters: int
) -> None:
    assert count(Generator(config, resolution, cbase, c_dim=c_dim)) == parameters


@pytest.mark.usefixtures("_unfilled")
@pytest.mark.parametrize(("c_dim", "parameters"), [(0, 24_001_089), (3, 26_366_528)])
def test_discriminators_have_as_many_parameters_as_the_published_ones(c_dim: int, parameters: int) -> None:
    assert count(Discriminator(256, 16384, c_dim=c_dim)) == parameters


def test_rates_rise_as_published() -> None:
    assert [s.rate for s in steps(256, 16384, 512)] == [16] * 3 + [32] * 2 + [64] * 2 + [128] * 3 + [256] * 5
    assert [s.rate for s in steps(1024, 32768, 512)] == ([16, 16, 32, 32, 64, 128, 128, 256, 256, 512] + [1024] * 5)


def test_sizes_hold_a_margin_until_the_last_two() -> None:
    assert [s.size for s in steps(256, 16384, 512)] == [
        36,
        36,
        36,
        52,
        52,
        84,
        84,
        148,
        148,
        148,
        276,
        276,
        276,
        256,
        256,
    ]
    assert [s.size for s in steps(1024, 32768, 512)][-4:] == [1044, 1044, 1024, 1024]


def test_channels_fall_with_the_cutoff() -> None:
    assert [s.channels for s in steps(256, 32768, 512)] == [512] * 9 + [362, 256, 181, 128, 128, 3]
    assert [s.channels for s in steps(256, 32768, 1024)] == [1024] * 7 + [724, 512, 362, 256, 181, 128, 128, 3]
    assert [s.channels for s in steps(128, 65536, 1024)][10:12] == [912, 683]


def test_the_last_layers_are_critically_sampled_and_the_others_keep_a_wide_transition() -> None:
    *rising, before, critical, image = steps(256, 16384, 512)
    for step in (before, critical, image):
        assert step.cutoff == 128
        assert step.cutoff + step.half_width == pytest.approx(128 * 2**0.3)
    assert all(step.half_width > 0.2 * step.cutoff for step in rising)


@pytest.mark.usefixtures("_unfilled")
def test_layers_of_configuration_r_hold_the_published_number_of_fixed_values() -> None:
    layers = Generator("r", 256, 16384).layers
    held = [sum(buffer.numel() for buffer in layer.buffers()) for layer in layers]
    assert held == [157, 157, 157, 169, 157, 169, 157, 169, 157, 157, 169, 157, 25, 25]


SMALLEST = {"resolution": 16, "cbase": 64, "cmax": 4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": "s"}, "'s': t or r"),
        ({"resolution": 100}, "100 pixels: expected a power of two"),
        ({"resolution": 4}, "4 pixels: expected a power of two"),
        ({"cbase": 15}, "cbase 15 leaves no channel at 16 pixels"),
        ({"layers": 2, "critical": 2}, "2 layers, 2 of them critical"),
        ({"critical": 0}, "critical is 0"),
        ({"margin": -1}, "margin is -1: expected at least 0"),
        ({"w_classes": -1}, "w_classes is -1"),
        ({"c_dim": -1}, "c_dim is -1"),
    ],
)
def test_sizes_that_make_no_generator_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ThrongError, match=message):
        Generator(**(SMALLEST | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"resolution": 100}, "100 pixels"), ({"cbase": 8}, "no channel"), ({"label_layers": 0}, "label_layers is 0")],
)
def test_sizes_that_make_no_discriminator_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ThrongError, match=message):
        Discriminator(**(SMALLEST | options))


@pytest.mark.parametrize("config", ["t", "r"])
@pytest.mark.parametrize(
    "options",
    [
        {"resolution": 8, "layers": 2, "critical": 1, "margin": 0, "cbase": 8, "cmax": 1},
        {"resolution": 64, "layers": 3, "critical": 1, "margin": 1, "cbase": 128, "cmax": 4},
        {"resolution": 32, "layers": 9, "critical": 3, "margin": 3, "cbase": 64, "cmax": 2},
    ],
)
def test_odd_sizes_draw_images_too(config: str, options: dict) -> None:
    images = Generator(config, z_dim=4, w_dim=4, **options)(torch.randn(2, 4))
    assert images.shape == (2, 3, options["resolution"], options["resolution"])
    assert images.isfinite().all()
