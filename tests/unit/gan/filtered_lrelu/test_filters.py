import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, special

from throng.errors import ThrongError
from throng.gan.filtered_lrelu.taps import separable
from throng.gan.filters import lowpass


@given(st.integers(2, 48), st.floats(0.02, 0.98), st.floats(0.01, 2), st.floats(1, 4096))
@settings(max_examples=40, deadline=None)
def test_a_separable_low_pass_is_scipys(taps, cutoff, half_width, rate):
    cutoff, half_width = cutoff * rate / 2, half_width * rate / 4
    expected = signal.firwin(taps, cutoff, width=2 * half_width, fs=rate)
    ours = lowpass(taps, cutoff, half_width, rate)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("cutoff", "half_width", "rate"), [(2, 14.7, 32), (16.1, 20.1, 128), (90.5, 57.3, 512)])
def test_a_radial_low_pass_is_the_windowed_jinc_with_every_symmetry_of_the_square(cutoff, half_width, rate):
    ours = lowpass(12, cutoff, half_width, rate, radial=True)
    at = (np.arange(12) - 5.5) / rate
    distance = np.hypot(at[:, None], at)
    window = np.kaiser(12, signal.kaiser_beta(signal.kaiser_atten(12, 2 * half_width / (rate / 2))))
    expected = special.j1(2 * np.pi * cutoff * distance) / (np.pi * distance) * np.outer(window, window)
    np.testing.assert_allclose(ours.numpy(), expected / expected.sum(), atol=1e-6, rtol=0)
    assert (ours - ours.rot90()).abs().max() <= 1e-7
    assert (ours - ours.T).abs().max() <= 1e-7
    assert ours.double().sum() == pytest.approx(1, abs=1e-6)


def test_a_radial_low_pass_of_odd_length_is_finite_at_its_centre():
    assert lowpass(13, 2, 4, 32, radial=True).isfinite().all()


def test_a_radial_low_pass_is_a_few_separable_ones_and_any_other_filter_as_many_as_it_needs():
    radial = lowpass(12, 90.5, 57.3, 512, radial=True)
    noise = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    assert len(separable(radial).along) <= 5
    for taps in (radial, noise):
        terms = separable(taps)
        total = torch.einsum("ki,kj->ij", torch.tensor(terms.along), torch.tensor(terms.across))
        torch.testing.assert_close(total, taps, atol=1e-7, rtol=1e-5)


def test_a_filter_changed_in_place_is_read_again():
    taps = torch.ones(3)
    separable(taps)
    taps.mul_(2)
    assert separable(taps).along == ((2.0, 2.0, 2.0),)


@pytest.mark.parametrize(
    ("given_", "message"),
    [((0, 1, 1, 4), "at least 1 tap"), ((4, 3, 1, 4), "half the rate 4"), ((4, 1, 0, 4), "wider than 0")],
)
def test_impossible_filters_are_refused(given_, message):
    with pytest.raises(ThrongError, match=message):
        lowpass(*given_)
