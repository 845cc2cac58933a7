from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from throng.gan.stylegan3.modulated import modulated_conv


def oracle(x: np.ndarray, weight: np.ndarray, styles: np.ndarray, demodulate: bool, gain: float) -> np.ndarray:
    """As the paper writes it, one image and channel at a time."""
    if demodulate:
        weight = weight / np.sqrt((weight**2).mean((1, 2, 3), keepdims=True))
        styles = styles / np.sqrt((styles**2).mean())
    images = []
    for image, style in zip(x, styles, strict=True):
        channels = []
        for kernel in weight:
            scaled = kernel * style[:, None, None]
            if demodulate:
                scaled = scaled / np.sqrt((scaled**2).sum() + 1e-8)
            channels.append(
                sum(correlate2d(plane, k, mode="full") for plane, k in zip(image * gain, scaled, strict=True))
            )
        images.append(channels)
    return np.array(images)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("demodulate", [True, False])
def test_equals_the_formula(kernel: int, demodulate: bool) -> None:
    rng = np.random.default_rng(kernel)
    x, weight, styles = rng.normal(size=(3, 5, 6, 7)), rng.normal(size=(4, 5, kernel, kernel)), rng.normal(size=(3, 5))
    drawn = modulated_conv(
        *map(torch.from_numpy, (x, weight, styles)), demodulate=demodulate, gain=torch.tensor(0.7).double()
    )
    np.testing.assert_allclose(drawn, oracle(x, weight, styles, demodulate, 0.7), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kernel", [1, 3])
def test_gradients_are_those_of_differences(kernel: int) -> None:
    torch.manual_seed(0)
    inputs = [
        torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((2, 2, 3, 3), (2, 2, kernel, kernel), (2, 2))
    ]
    assert torch.autograd.gradcheck(modulated_conv, inputs, fast_mode=True)


def test_half_precision_does_not_overflow_on_large_styles_and_kernels() -> None:
    torch.manual_seed(0)
    x, weight, styles = torch.randn(2, 64, 8, 8), 1e4 * torch.randn(8, 64, 3, 3), 1e4 * torch.randn(2, 64)
    full = modulated_conv(x, weight, styles)
    half = modulated_conv(x.bfloat16(), weight, styles)
    assert half.dtype == torch.bfloat16
    np.testing.assert_allclose(half.float(), full, atol=0.05)
