"""R3GAN's networks: parameter counts, start, resampling, labels, second derivatives and bad options."""

import itertools

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from throng.errors import ThrongError
from throng.gan.r3gan import Discriminator, Generator
from throng.gan.r3gan.layers import ResidualBlock, downsample, upsample

TINY = {"widths": [8, 8, 4], "blocks": 1, "groups": [2, 2, 1], "expansion": 2, "label_dim": 3}


def _block(width: int, group: int, expansion: int) -> int:
    wide = width * expansion
    return 2 * width * wide + wide * wide // group * 9 + 2 * wide


def _change(*widths: int) -> int:
    return sum(a * b for a, b in itertools.pairwise(widths) if a != b)


def _count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts_follow_from_the_options():
    widths, groups, blocks = [24, 16, 16, 8], [4, 2, 2, 1], [1, 2, 2, 1]
    options = {"widths": widths, "groups": groups, "blocks": blocks, "label_dim": 5}
    body = sum(n * _block(w, g, 2) for w, g, n in zip(widths, groups, blocks, strict=True)) + _change(*widths)
    generator = Generator(32, 3, z_dim=10, **options)
    assert _count(generator) == 3 * 5 + 15 * 24 + 24 * 16 + body + 8 * 3
    discriminator = Discriminator(32, 3, **options)
    assert _count(discriminator) == 3 * 8 + body + 24 * 16 + 24 + 24 * 5 + 3 * 5
    assert _count(Discriminator(32, 0, **options)) == 3 * 8 + body + 24 * 16 + 24


def test_architecture_rebuilds_the_network():
    for network in (Generator(16, 3, z_dim=6, **TINY), Discriminator(16, 0, **TINY)):
        assert network.architecture["name"] == "r3gan"
        again = type(network)(**network.architecture["options"])
        assert again.architecture == network.architecture
        again.load_state_dict(network.state_dict())


def test_latents_and_draw_make_up_forward_and_truncation_scales_z():
    generator = Generator(16, 3, z_dim=6, **TINY)
    z, c = torch.randn(2, 6), torch.eye(3)[:2]
    latents = generator.latents(z, c, truncation=0.5)
    assert latents.shape == (2, 9)
    assert torch.equal(latents[:, :6], z / 2)
    assert torch.equal(generator(z, c, truncation=0.5), generator.draw(latents))
    assert generator(z, c).shape == (2, 3, 16, 16)


def test_blocks_start_as_the_identity():
    x = torch.randn(2, 6, 8, 8)
    assert torch.equal(ResidualBlock(6, 3, 2, depth=10)(x), x)


@pytest.mark.parametrize("depth", [1, 16])
def test_gain_falls_with_the_fourth_root_of_the_depth(depth):
    torch.manual_seed(0)
    block = ResidualBlock(64, 1, 2, depth)
    assert block.mix.weight.std().item() * (128 * 9) ** 0.5 == pytest.approx((2 / 1.04) ** 0.5 * depth**-0.25, rel=0.02)


def test_resampling_filters():
    impulse = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    impulse[..., 2, 2] = 1
    row = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)
    assert torch.equal(upsample(impulse)[0, 0, 3:6, 3:6], torch.outer(row, row))
    assert upsample(impulse).sum() == 4
    for at, expected in ((4, [0.0, 0.5, 0.0]), (3, [0.25, 0.25, 0.0])):
        line = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
        line[..., at] = 1
        assert downsample(line)[0, 0, 1, 1:].tolist() == ([0.0, 0.5, 0.0] if at == 4 else expected)
    flat = torch.full((1, 2, 4, 4), 1.5)
    assert torch.equal(upsample(flat), torch.full((1, 2, 8, 8), 1.5))
    assert torch.equal(downsample(flat), torch.full((1, 2, 2, 2), 1.5))


def test_first_and_second_derivatives_of_the_resamplers_are_right():
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    for resample in (upsample, downsample):
        assert gradcheck(resample, x, fast_mode=True)
        assert gradgradcheck(resample, x, fast_mode=True)


@pytest.mark.parametrize("c_dim", [0, 2])
def test_discriminator_can_be_differentiated_twice_everywhere(c_dim):
    torch.manual_seed(3)
    options = {"widths": [4, 2], "blocks": 1, "groups": 1, "expansion": 1, "label_dim": 2}
    discriminator = Discriminator(8, c_dim, **options).double()
    for parameter in discriminator.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    c = torch.randn(1, 2, dtype=torch.float64) if c_dim else None
    images = torch.randn(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in discriminator.named_parameters()]

    def slope(*parameters: torch.Tensor) -> torch.Tensor:
        logits = torch.func.functional_call(discriminator, dict(zip(names, parameters, strict=True)), (images, c))
        return torch.autograd.grad(logits.sum(), images, create_graph=True)[0].square().sum()

    assert gradcheck(
        slope, tuple(parameter.detach().requires_grad_() for parameter in discriminator.parameters()), fast_mode=True
    )


def test_network_that_drew_in_inference_mode_can_still_be_trained():
    x = torch.randn(1, 2, 14, 14)
    with torch.inference_mode():
        downsample(upsample(x))
    downsample(upsample(x.requires_grad_())).sum().backward()
    assert x.grad is not None


def test_label_moves_images_and_logits():
    torch.manual_seed(0)
    generator, discriminator = Generator(16, 3, z_dim=6, **TINY), Discriminator(16, 3, **TINY)
    z, images = torch.randn(1, 6), torch.randn(1, 3, 16, 16)
    low, high = torch.eye(3)[:1], torch.eye(3)[2:]
    assert (generator(z, low) - generator(z, high)).abs().max() > 1e-3
    assert (discriminator(images, low) - discriminator(images, high)).abs().max() > 1e-4


def test_half_precision_stays_inside_and_close():
    torch.manual_seed(0)
    generator, discriminator = Generator(16, 0, z_dim=6, **TINY), Discriminator(16, 0, **TINY)
    z = torch.randn(4, 6)
    images, logits = generator(z), discriminator(generator(z))
    generator.half = discriminator.half = torch.bfloat16
    generator.half_rates = discriminator.half_rates = 2
    drawn, scored = generator(z), discriminator(images)
    assert drawn.dtype == scored.dtype == torch.float32
    assert not torch.equal(drawn, images)
    assert (drawn - images).abs().max() < 0.05 * images.abs().max()
    assert (scored - logits).abs().max() < 0.05 * max(1, logits.abs().max())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"resolution": 24}, "power of two pixels, 8 or more: resolution is 24"),
        ({"resolution": 4}, "power of two pixels, 8 or more: resolution is 4"),
        ({"widths": [8, 8]}, r"3 stages \(4, 8, 16 pixels\): widths has 2 numbers"),
        ({"blocks": [1, 1]}, "blocks has 2 numbers"),
        ({"groups": 3}, "3 does not divide 8 x 2"),
        ({"widths": [8, 0, 8]}, "widths of r3gan must all be 1 or more: found 0"),
        ({"expansion": 0}, "expansion of r3gan must be 1 or more"),
    ],
)
@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_options_that_do_not_fit_are_refused_in_a_sentence(network, options, sentence):
    with pytest.raises(ThrongError, match=sentence):
        network(**({"resolution": 16} | TINY | options))


def test_missing_labels_and_transforms_are_refused_in_a_sentence():
    generator, discriminator = Generator(16, 3, z_dim=6, **TINY), Discriminator(16, 3, **TINY)
    with pytest.raises(ThrongError, match=r"labels of shape \(2, 3\): found none"):
        generator(torch.randn(2, 6))
    with pytest.raises(ThrongError, match=r"labels of shape \(2, 3\): found \(2, 4\)"):
        discriminator(torch.randn(2, 3, 16, 16), torch.zeros(2, 4))
    with pytest.raises(ThrongError, match="only a stylegan3 generator takes a transform"):
        generator.draw(torch.zeros(1, 9), transform=torch.eye(3)[None])
