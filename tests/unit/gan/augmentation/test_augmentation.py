"""The augmentation as a whole: identity at 0, repeatability, second derivatives, options."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from throng.errors import ThrongError
from throng.gan.augmentation import SETS, TRANSFORMS, Augmentation, Options

EVERYTHING = Options("full", multipliers={"image_filter": 1.0, "noise": 1.0, "cutout": 1.0})


def test_probability_0_and_the_set_none_return_the_very_tensor():
    images = torch.randn(2, 3, 8, 8)
    assert Augmentation(EVERYTHING)(images, 0.0) is images
    assert Augmentation(EVERYTHING)(images, torch.tensor(0.0)) is images
    assert Augmentation(Options("none"))(images, 1.0) is images
    assert Augmentation(Options("upright", multipliers=dict.fromkeys(SETS["upright"], 0.0)))(images, 1.0) is images


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_changes_images_alone_and_keeps_their_shape(name):
    torch.manual_seed(0)
    images = torch.randn(8, 3, 16, 16)
    augmented = Augmentation(Options("none", multipliers={name: 1.0}))(images, 1.0)
    assert augmented.shape == images.shape
    assert augmented.dtype == images.dtype
    assert torch.isfinite(augmented).all()
    assert not torch.equal(augmented, images)


def test_chain_can_be_differentiated_twice():
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)

    def squared(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(5)
        return Augmentation(EVERYTHING)(x, 1.0).square()

    assert gradcheck(squared, images, fast_mode=True)
    assert gradgradcheck(squared, images, fast_mode=True)


def test_some_of_a_batch_can_be_moved_and_all_of_it_differentiated_twice():
    images = torch.randn(4, 3, 4, 4, dtype=torch.float64, requires_grad=True)

    def squared(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)
        return Augmentation(Options("none", multipliers={"rotate": 1.0}))(x, 0.5)[:, :1].square()

    moved = (squared(images) != images[:, :1].square()).any(dim=(1, 2, 3))
    assert moved.any() and not moved.all()
    assert gradgradcheck(squared, images, fast_mode=True)


def test_seed_decides_everything():
    images = torch.randn(4, 3, 16, 16)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(Augmentation(EVERYTHING)(images, 0.7))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_upright_set_never_turns_a_crowd_on_its_side():
    options = Options("upright")
    assert "rotate90" not in options.names
    assert options.strength("rotate") == 5.0
    assert set(Options("full").names) - set(options.names) == {"rotate90"}
    assert Options("full").strength("rotate") == 180.0
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 16)[None, None, :, None].expand(500, 3, 16, 16)
    moved = Augmentation(Options("upright", multipliers={"luma_flip": 0.0}))(ramp, 1.0).mean(dim=1)
    # sky stays above ground: what was a ramp from top to bottom still is one
    assert ((moved[:, 12:].mean(dim=(1, 2)) - moved[:, :4].mean(dim=(1, 2))) > 0).all()


def test_multipliers_scale_the_probability_up_to_1():
    options = Options("upright", multipliers={"hue": 0.5, "cutout": 3.0})
    assert options.probability("hue", 0.4) == 0.2
    assert options.probability("cutout", 0.4) == 1.0
    assert options.probability("scale", 0.4) == 0.4
    assert options.probability("noise", 0.4) == 0.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"set": "bgc"}, "no set of augmentations is called 'bgc'; known: upright, full, none"),
        ({"multipliers": {"flip": 1.0}}, "no multiplier of augmentation is called 'flip'; known: x_flip"),
        ({"strengths": {"x_flip": 1.0}}, "no strength of augmentation is called 'x_flip'"),
        ({"multipliers": {"hue": -1.0}}, "multiplier of augmentation hue must be 0 or more: it is -1"),
        ({"strengths": {"scale": 0.0}}, "strength of augmentation scale must be above 0: it is 0"),
    ],
)
def test_options_that_do_not_exist_are_refused_in_a_sentence(options, sentence):
    with pytest.raises(ThrongError, match=sentence):
        Options(**options)
