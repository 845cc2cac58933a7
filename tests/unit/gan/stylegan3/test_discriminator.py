from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import Tensor

from tests.unit.gan.stylegan3.networks import disturbed, small_discriminator
from throng.errors import ThrongError
from throng.gan.stylegan3.discriminator import smoothed
from throng.gan.stylegan3.minibatch import with_deviation


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("batch", "size"), [(8, 4), (6, 3), (2, 2), (1, 1)])
def test_the_deviation_is_that_of_every_so_manyth_image(batch: int, size: int) -> None:
    x = np.random.default_rng(0).normal(size=(batch, 3, 2, 2))
    result = with_deviation(torch.from_numpy(x), 4).numpy()
    np.testing.assert_array_equal(result[:, :3], x)
    for image in range(batch):
        group = x[image % (batch // size) :: batch // size]
        assert len(group) == size
        expected = np.sqrt(group.var(0) + 1e-8).mean()
        np.testing.assert_allclose(result[image, 3], expected, rtol=1e-9)


def test_the_filter_is_a_convolution_with_1_3_3_1() -> None:
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
    expected = correlate2d(np.pad(x[0, 1].numpy(), 1), taps, mode="valid")
    np.testing.assert_allclose(smoothed(x, padding=1)[0, 1], expected, atol=1e-12)
    np.testing.assert_allclose(smoothed(x, padding=1, stride=2)[0, 1], expected[::2, ::2], atol=1e-12)


def penalty(network: torch.nn.Module, images: Tensor, c: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(network(images, c).sum(), images, create_graph=True)
    return gradient.square().sum()


def test_the_gradient_of_the_gradient_penalty_is_that_of_differences() -> None:
    network = disturbed(small_discriminator(2)).double()
    images, c = torch.randn(3, 3, 16, 16, dtype=torch.float64, requires_grad=True), torch.randn(3, 2).double()
    penalty(network, images, c).backward()
    for weight in (network.from_rgb.weight, network.blocks[0].second.weight, network.label_map.embed.weight):
        place, step = (0,) * weight.ndim, 1e-6
        derivative = float(weight.grad[place])
        with torch.no_grad():
            weight[place] += step
        above = float(penalty(network, images, c).detach())
        with torch.no_grad():
            weight[place] -= 2 * step
        below = float(penalty(network, images, c).detach())
        with torch.no_grad():
            weight[place] += step
        assert derivative == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-9)


def test_with_labels_the_logit_is_the_product_of_features_and_the_labels_map() -> None:
    network = disturbed(small_discriminator(3))
    images, c = torch.randn(4, 3, 16, 16), torch.randn(4, 3)
    features: list[Tensor] = []
    network.out.register_forward_hook(lambda _, __, output: features.append(output.detach()))
    logits = network(images, c).detach()
    expected = (features[0] * network.label_map(None, c).detach()).sum(1, keepdim=True) / 8**0.5
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    assert logits.shape == (4, 1)


@pytest.mark.parametrize("layers", [1, 8])
def test_the_labels_map_has_a_depth_of_its_own(layers: int) -> None:
    network = small_discriminator(3, label_layers=layers)
    assert len(network.label_map.layers) == layers
    assert network.architecture["options"]["label_layers"] == layers


def test_half_precision_judges_nearly_the_same_and_can_be_learnt_from() -> None:
    network, images = small_discriminator(), torch.randn(4, 3, 16, 16, requires_grad=True)
    full = network(images).detach()
    network.half = torch.bfloat16
    logits = network(images)
    assert logits.dtype == torch.float32
    assert (logits - full).abs().max() < 0.05 * full.abs().max() + 0.02
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    gradient.square().sum().backward()
    assert network.from_rgb.weight.grad.isfinite().all()


def test_images_and_codes_of_another_shape_are_refused() -> None:
    with pytest.raises(ThrongError, match=r"\(3, 8, 8\) cannot be judged: expected \(3, 16, 16\)"):
        small_discriminator()(torch.randn(1, 3, 8, 8))
    with pytest.raises(ThrongError, match=r"\(1, 2\)"):
        small_discriminator(2)(torch.randn(1, 3, 16, 16), torch.randn(1, 3))
