from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from tests.unit.gan.stylegan3.networks import disturbed, small_discriminator, small_generator
from throng.errors import ThrongError
from throng.gan import r3gan
from throng.gan.warm_start import warm_start

SMALL_R3GAN: dict[str, Any] = {"widths": (16, 8, 8), "groups": 2}
GENERATORS = [small_generator, partial(small_generator, config="r"), partial(r3gan.Generator, 16, **SMALL_R3GAN)]
DISCRIMINATORS = [small_discriminator, partial(r3gan.Discriminator, 16, **SMALL_R3GAN)]
Build = Callable[..., Any]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def extended(c: torch.Tensor, more: int) -> torch.Tensor:
    return torch.cat([c, torch.zeros(len(c), more)], dim=1)


@pytest.mark.parametrize("build", GENERATORS)
def test_a_generator_told_labels_draws_as_before_whatever_the_label(build: Build) -> None:
    old, new = disturbed(build(0)), build(3)
    warm_start(new, old)
    z = torch.randn(6, old.z_dim)
    assert (new(z, 3 * torch.randn(6, 3)) - old(z)).abs().max() <= 1e-5


@pytest.mark.parametrize("build", DISCRIMINATORS)
def test_a_discriminator_told_labels_judges_as_before_whatever_the_label(build: Build) -> None:
    old, new = disturbed(build(0)), build(3)
    warm_start(new, old)
    images = torch.randn(6, 3, 16, 16)
    assert (new(images, 3 * torch.randn(6, 3)) - old(images)).abs().max() <= 1e-5


@pytest.mark.parametrize("build", GENERATORS)
@pytest.mark.parametrize(("before", "after"), [(3, 5), (5, 3), (3, 3)])
def test_a_generator_told_more_or_fewer_labels_draws_those_it_knew_as_before(
    build: Build, before: int, after: int
) -> None:
    old, new = disturbed(build(before)), build(after)
    warm_start(new, old)
    z, c = torch.randn(6, old.z_dim), torch.randn(6, 3)
    drawn = new(z, extended(c, after - 3)) - old(z, extended(c, before - 3))
    assert drawn.abs().max() <= 1e-5


@pytest.mark.parametrize("build", DISCRIMINATORS)
@pytest.mark.parametrize(("before", "after"), [(3, 5), (5, 3)])
def test_a_discriminator_told_more_or_fewer_labels_judges_those_it_knew_as_before(
    build: Build, before: int, after: int
) -> None:
    old, new = disturbed(build(before)), build(after)
    warm_start(new, old)
    images, c = torch.randn(6, 3, 16, 16), torch.randn(6, 3)
    judged = new(images, extended(c, after - 3)) - old(images, extended(c, before - 3))
    assert judged.abs().max() <= 1e-5


@pytest.mark.parametrize("pair", [(small_generator, small_discriminator), (GENERATORS[2], DISCRIMINATORS[1])])
def test_labels_are_heeded_after_a_few_steps(pair: tuple[Build, Build]) -> None:
    generator, discriminator = pair[0](3), pair[1](3)
    warm_start(generator, pair[0](0))
    warm_start(discriminator, pair[1](0))
    z, c = torch.randn(3, generator.z_dim), torch.eye(3)
    parameters = [*generator.parameters(), *discriminator.parameters()]
    for _ in range(3):
        # every label wants something else of the judge, and the judge of the generator
        loss = (discriminator(generator(z, c), c)[:, 0] * torch.tensor([-1.0, 0.5, 1.0])).sum()
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 0.01 * gradient.sign()
    same = z[:1].expand(3, -1)
    images = generator(same, c)
    assert (images[0] - images[2]).abs().max() > 1e-4
    scores = discriminator(images[:1].expand(3, -1, -1, -1), c)
    assert (scores[0] - scores[2]).abs() > 1e-4


def test_average_styles_of_new_classes_begin_at_the_old_average() -> None:
    old, new = small_generator(0), small_generator(3, w_classes=3)
    old.w_avg.normal_()
    warm_start(new, old)
    assert torch.equal(new.w_avg, old.w_avg.expand(3, -1))
    more = small_generator(4, w_classes=4)
    new.w_avg.normal_()
    warm_start(more, new)
    assert torch.equal(more.w_avg[:3], new.w_avg)
    torch.testing.assert_close(more.w_avg[3], new.w_avg.mean(0))


def test_a_label_map_of_another_depth_may_begin_but_not_be_changed() -> None:
    warm_start(small_discriminator(3, label_layers=2), small_discriminator(0))
    with pytest.raises(ThrongError, match="another label_layers"):
        warm_start(small_discriminator(3, label_layers=2), small_discriminator(3))


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        (partial(small_generator, cmax=4), small_generator, "network of cmax 8: this one has 4"),
        (small_generator, partial(small_generator, 3), "heeds labels .3 numbers.: this one heeds none"),
        (small_generator, small_discriminator, "another role"),
        (small_generator, partial(r3gan.Generator, 16, **SMALL_R3GAN), "one of r3gan"),
    ],
)
def test_networks_that_differ_in_more_than_labels_are_refused(new: Build, old: Build, message: str) -> None:
    with pytest.raises(ThrongError, match=message):
        warm_start(new(), old())
