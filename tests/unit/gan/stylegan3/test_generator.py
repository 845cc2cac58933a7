from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.gan.stylegan3.networks import disturbed, psnr, small_generator
from throng.errors import ThrongError
from throng.gan.labels import OneHot, Ordinal
from throng.gan.stylegan3 import Generator, rotation, translation


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("config", ["t", "r"])
def test_images_have_the_resolution_and_can_be_learnt_from(config: str) -> None:
    generator = small_generator(3, config=config)
    images = generator(torch.randn(2, 16), OneHot(3).encode(torch.tensor([0.0, 2.0])))
    assert images.shape == (2, 3, 16, 16)
    assert images.dtype == torch.float32
    images.square().sum().backward()
    assert [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("config", ["t", "r"])
def test_an_image_does_not_depend_on_those_drawn_beside_it(config: str) -> None:
    generator, z = disturbed(small_generator(config=config)), torch.randn(5, 16)
    np.testing.assert_allclose(generator(z).detach()[2:3], generator(z[2:3]).detach(), atol=1e-5)


def test_forward_draws_the_latents() -> None:
    generator, z = disturbed(small_generator(w_classes=1)), torch.randn(2, 16)
    generator.w_avg.normal_()
    latents = generator.latents(z, truncation=0.6)
    assert latents.shape == (2, generator.num_ws, 24)
    np.testing.assert_array_equal(generator(z, truncation=0.6).detach(), generator.draw(latents).detach())


def test_truncation_pulls_the_first_layers_to_the_average_style() -> None:
    generator, z = small_generator(), torch.randn(2, 16)
    generator.w_avg.normal_()
    plain = generator.latents(z)
    pulled = generator.latents(z, truncation=0.25, cutoff=2)
    average = generator.w_avg.expand(2, 2, -1)
    np.testing.assert_allclose(pulled[:, :2].detach(), (average + 0.25 * (plain[:, :2] - average)).detach(), rtol=1e-5)
    np.testing.assert_array_equal(pulled[:, 2:].detach(), plain[:, 2:].detach())


@pytest.mark.parametrize("encoding", [OneHot(3), Ordinal(3)])
def test_average_styles_are_kept_class_by_class_and_truncate_class_by_class(encoding: OneHot | Ordinal) -> None:
    generator, z = small_generator(3, w_classes=3), torch.randn(4, 16)
    c = encoding.encode(torch.tensor([2.0, 0.0, 2.0, 2.0]))
    w = generator.latents(z, c)[:, 0].detach()
    with generator.update_magnitudes():
        generator(z, c)
    # decay 0.998 from zero; a class that did not occur keeps its average
    np.testing.assert_allclose(generator.w_avg[0], 0.002 * w[1], rtol=1e-4)
    np.testing.assert_allclose(generator.w_avg[2], 0.002 * w[[0, 2, 3]].mean(0), rtol=1e-4, atol=1e-8)
    assert not generator.w_avg[1].any()
    centre = generator.latents(z, c, truncation=0.0)[:, 0].detach()
    np.testing.assert_array_equal(centre, generator.w_avg[[2, 0, 2, 2]])
    told = generator.latents(z, c, truncation=0.0, classes=torch.tensor([0, 0, 0, 2]))[:, 0].detach()
    np.testing.assert_array_equal(told, generator.w_avg[[0, 0, 0, 2]])


def test_without_kept_averages_an_image_is_pulled_to_the_average_of_its_own_code() -> None:
    generator, c = disturbed(small_generator(4, w_classes=0)), torch.randn(2, 4)
    state = torch.get_rng_state()
    centres = generator.latents(torch.randn(2, 16), c, truncation=0.0)[:, 0].detach()
    many = generator.latents(torch.randn(20_000, 16), c[:1].expand(20_000, -1))[:, 0].detach()
    # of 256 latents: a sixteenth of the deviation
    assert ((centres[0] - many.mean(0)).abs() < 5 * many.std(0) / 16).all()
    assert (centres[0] - centres[1]).abs().max() > 0.05
    torch.set_rng_state(state)
    alone = generator.latents(torch.randn(1, 16), c[1:], truncation=0.0)[:, 0].detach()
    np.testing.assert_allclose(alone, centres[1:], atol=1e-6)


def test_classes_that_cannot_be_told_from_the_codes_are_asked_for() -> None:
    generator = small_generator(8, w_classes=3)
    with pytest.raises(ThrongError, match="3 classes and codes have 8 numbers"):
        generator(torch.randn(1, 16), torch.randn(1, 8), truncation=0.5)


def test_magnitudes_follow_the_batch_with_a_half_life_in_images_and_only_when_asked() -> None:
    generator, z, seen = small_generator(), torch.randn(4, 16), []
    generator.layers[1].register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().double()))
    generator(z)
    assert generator.layers[1].magnitude == 1
    with generator.update_magnitudes():
        generator(z)
    generator(z)
    expected = 1 + (seen[1].square().mean() - 1) * (1 - 0.5 ** (4 / 20_000))
    np.testing.assert_allclose(generator.layers[1].magnitude, expected, rtol=1e-6)
    assert generator.to_rgb.magnitude != 1


def test_inputs_are_divided_by_the_root_of_their_magnitude() -> None:
    generator, latents = small_generator(), torch.randn(1, 6, 24)
    before = generator.draw(latents).detach()
    generator.to_rgb.magnitude.fill_(4.0)
    np.testing.assert_allclose(generator.draw(latents).detach(), before / 2, rtol=1e-5, atol=1e-7)


def settled(config: str) -> tuple[Generator, torch.Tensor]:
    """A generator at its first step, magnitudes as after a long training, and the latents of some images."""
    generator = small_generator(config=config, resolution=32, layers=6, margin=10, cbase=256, cmax=16)
    z = torch.randn(4, 16)

    def settle(layer: torch.nn.Module, args: tuple) -> None:
        layer.magnitude.copy_(args[0].detach().square().mean())

    handles = [layer.register_forward_pre_hook(settle) for layer in [*generator.layers, generator.to_rgb]]
    latents = generator.latents(z).detach()
    generator.draw(latents)
    for handle in handles:
        handle.remove()
    return generator, latents


def test_a_translation_moves_the_picture_to_the_right_and_down() -> None:
    generator, latents = settled("t")
    with torch.no_grad():
        plain = generator.draw(latents)
        moved = generator.draw(latents, transform=translation(4 / 32, 2 / 32))
    span = plain.std()
    assert psnr(moved[:, :, 2:, 4:] / span, plain[:, :, :-2, :-4] / span) > 45
    assert psnr(moved[:, :, :-2, :-4] / span, plain[:, :, 2:, 4:] / span) < 15


def test_a_rotation_turns_the_picture_counter_clockwise() -> None:
    generator, latents = settled("r")
    with torch.no_grad():
        plain = generator.draw(latents)
        turned = generator.draw(latents, transform=rotation(90))
    span = plain.std()
    assert psnr(turned / span, torch.rot90(plain, 1, (2, 3)) / span) > 45


def test_each_image_can_have_a_transform_of_its_own() -> None:
    generator, latents = settled("t")
    moves = torch.cat([translation(0.1 * i, 0.0) for i in range(4)])
    together = generator.draw(latents, transform=moves).detach()
    alone = generator.draw(latents[3:], transform=moves[3:]).detach()
    assert psnr(together[3:] / alone.std(), alone / alone.std()) > 90


@pytest.mark.parametrize("config", ["t", "r"])
def test_half_precision_draws_nearly_the_same_and_can_be_learnt_from(config: str) -> None:
    generator, z = small_generator(config=config), torch.randn(2, 16)
    full = generator(z).detach()
    generator.half = torch.bfloat16
    images = generator(z)
    assert images.dtype == torch.float32
    assert 0 < (images - full).norm() / full.norm() < 0.05
    images.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


def test_only_layers_of_the_highest_rates_work_in_half_precision() -> None:
    generator = small_generator(resolution=32, half=torch.bfloat16, half_rates=1)
    seen: list[tuple[int, torch.dtype]] = []
    for layer, rate in zip(generator.layers, generator.rates, strict=False):
        layer.register_forward_pre_hook(lambda _, args, rate=rate: seen.append((rate, args[0].dtype)))
    generator(torch.randn(1, 16))
    assert {rate for rate, _ in seen} == {16, 32}
    assert all((dtype == torch.bfloat16) == (rate == 32) for rate, dtype in seen)


@pytest.mark.parametrize("c", [None, torch.zeros(2, 2), torch.zeros(1, 3)])
def test_codes_that_are_missing_or_of_another_length_are_refused(c: torch.Tensor | None) -> None:
    with pytest.raises(ThrongError, match=r"\(2, 3\)"):
        small_generator(3)(torch.randn(2, 16), c)
