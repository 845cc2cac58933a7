"""The measure of augmentations that leaked into generated images."""

import pytest
import torch

from throng.errors import ThrongError
from throng.gan.augmentation import Augmentation, Options
from throng.gan.augmentation.leak import measure_leaks

OPTIONS = Options("none", multipliers=dict.fromkeys(["x_flip", "rotate90", "hue"], 1.0))


def _scenes(count: int, seed: int) -> torch.Tensor:
    """A blue sky over brown ground, with red blobs: upright, of fixed colours, alike when mirrored."""
    random = torch.Generator().manual_seed(seed)
    axis = torch.linspace(-1, 1, 16)
    sky = (axis < 0).float()[None, :, None].expand(count, 16, 16)
    images = torch.stack([0.4 - sky, 0.1 + 0 * sky, sky - 0.6], 1)
    place = torch.rand(count, 2, generator=random) * 1.6 - 0.8
    blob = (axis[None, :, None] - place[:, :1, None]) ** 2 + (axis[None, None] - place[:, 1:, None]) ** 2 < 0.1
    images[:, 0] += blob * 0.5
    return images + 0.1 * torch.randn(images.shape, generator=random)


def test_what_leaked_is_found_and_what_did_not_is_not():
    drawn = _scenes(300, 2)
    torch.manual_seed(0)
    drawn[:150] = Augmentation(Options("none", multipliers={"hue": 1.0}))(drawn[:150], 1.0)
    before = torch.get_rng_state()
    found = {leak.transform: leak for leak in measure_leaks(_scenes(400, 1), drawn, OPTIONS, seed=3, steps=50)}
    assert torch.equal(torch.get_rng_state(), before)
    assert list(found) == ["x_flip", "rotate90", "hue"]
    hue, turned = found["hue"], found["rotate90"]
    assert hue.skill > 0.9
    assert hue.share == pytest.approx(0.5, abs=0.15)
    assert hue.low is not None and hue.high is not None
    assert hue.low < 0.5 < hue.high
    assert turned.skill > 0.75
    assert turned.share == pytest.approx(0.0, abs=0.15)
    # scenes are alike when mirrored: nobody can tell, and nothing is claimed
    assert found["x_flip"].skill < 0.6
    assert found["x_flip"].share is None


def test_nothing_is_measured_without_transforms_and_too_few_images_are_refused():
    images = _scenes(64, 0)
    assert measure_leaks(images, images, Options("none"), seed=0) == []
    (alike,) = measure_leaks(images, images, Options("none", {"x_flip": 1.0}), seed=0, steps=2)
    assert (alike.transform, alike.share, alike.low) == ("x_flip", None, None)
    with pytest.raises(ThrongError, match="64 or more generated images"):
        measure_leaks(images, images[:10], OPTIONS, seed=0)
    with pytest.raises(ThrongError, match=r"shape \(N, 3, 16, 16\): found \(64, 3, 8, 8\)"):
        measure_leaks(images, images[:, :, :8, :8], OPTIONS, seed=0)
