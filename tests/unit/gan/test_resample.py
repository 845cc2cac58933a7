import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.gan.filtered_lrelu.zero_insertion import convolved
from throng.errors import ThrongError
from throng.gan.resample import downsample2d, filter2d, resample, upsample2d

TRIANGLE = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.lists(st.integers(-2, 5), min_size=4, max_size=4))
@settings(max_examples=30, deadline=None)
def test_resampling_is_zeros_inserted_padded_convolved_and_decimated(up, down, taps, padding):
    torch.manual_seed(0)
    images, row = torch.randn(2, 2, 6, 7, dtype=torch.float64), torch.randn(taps, dtype=torch.float64)
    sparse = torch.zeros(2, 2, 6 * up, 7 * up, dtype=torch.float64)
    sparse[:, :, ::up, ::up] = images
    padded = torch.nn.functional.pad(sparse, padding)
    if min(padded.shape[2:]) < taps:
        with pytest.raises(ThrongError, match="nothing is left"):
            resample(images, row, up=up, down=down, padding=tuple(padding))
        return
    expected = convolved(padded, row, 1)[:, :, ::down, ::down] * 3
    found = resample(images, row, up=up, down=down, padding=tuple(padding), gain=3)
    torch.testing.assert_close(found, expected)


def test_pixels_stay_where_they_are_in_the_picture():
    ramp = torch.arange(32.0, dtype=torch.float64).expand(1, 1, 32, 32)
    inner = slice(8, -8)
    fine = upsample2d(ramp, TRIANGLE)
    torch.testing.assert_close(fine[0, 0, 20, inner], (torch.arange(64.0).double()[inner] - 0.5) / 2)
    torch.testing.assert_close(downsample2d(fine, TRIANGLE)[..., inner, inner], ramp[..., inner, inner])
    assert filter2d(ramp, TRIANGLE).shape == ramp.shape


def test_the_second_derivative_is_right():
    images = torch.randn(1, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    function = lambda images: downsample2d(images, TRIANGLE).square()  # noqa: E731
    assert torch.autograd.gradcheck(function, images)
    assert torch.autograd.gradgradcheck(function, images)


def test_taps_of_two_axes_are_refused():
    with pytest.raises(ThrongError, match="one row"):
        filter2d(torch.zeros(1, 1, 4, 4), torch.ones(2, 2))
