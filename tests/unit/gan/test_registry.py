from __future__ import annotations

import pytest

from tests.unit.gan.stylegan3.networks import small_discriminator, small_generator
from throng.errors import ThrongError
from throng.gan import r3gan
from throng.gan.registry import build_discriminator, build_generator

R3GAN = {"name": "r3gan", "options": {"resolution": 16, "widths": [16, 8, 8], "groups": 2}}


@pytest.mark.parametrize("architecture", [small_generator(3).architecture, R3GAN])
def test_an_architecture_builds_a_generator_of_the_same(architecture: dict) -> None:
    built = build_generator(architecture)
    assert build_generator(built.architecture).architecture == built.architecture


def test_an_architecture_builds_a_discriminator_of_the_same() -> None:
    network = small_discriminator(3)
    assert build_discriminator(network.architecture).architecture == network.architecture
    assert isinstance(build_discriminator(R3GAN), r3gan.Discriminator)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"name": "biggan"}, "'biggan'; known: stylegan3, r3gan"),
        ({"name": "stylegan3", "options": {"colour": 1}}, "no option colour; known: .*cbase"),
        ({"name": "stylegan3", "options": {"half": None}}, "no option half"),
        ({"name": "stylegan3", "options": {"resolution": 24}}, "24 pixels: expected a power of two"),
    ],
)
def test_an_architecture_that_does_not_exist_is_refused(architecture: dict, message: str) -> None:
    with pytest.raises(ThrongError, match=message):
        build_generator(architecture)
