"""Wavelets and the matrices that filter mirrored rows."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.signal import upfirdn

from throng.gan.mirror import SYM2, SYM6, downsampling, extension, filtering, upsampling


def _least_asymmetric(moments: int) -> np.ndarray:
    """Daubechies' construction: factors of the half-band polynomial, the choice of nearly linear phase."""
    polynomial = [math.comb(moments - 1 + k, k) for k in range(moments)]
    quadruples = [np.roots([1, -(2 - 4 * y), 1]) for y in np.roots(polynomial[::-1]) if y.imag > -1e-9]
    frequencies = np.linspace(0.01, 2.5, 200)
    found = []
    for inside in itertools.product([True, False], repeat=len(quadruples)):
        roots = []
        for pair, choice in zip(quadruples, inside, strict=True):
            root = sorted(pair, key=abs)[0 if choice else 1]
            roots += [root] if abs(root.imag) < 1e-9 else [root, root.conj()]
        taps = np.real(np.poly([*roots, *[-1] * moments]))
        taps *= math.sqrt(2) / taps.sum()
        phase = np.unwrap(np.angle(np.exp(-1j * np.outer(frequencies, np.arange(len(taps)))) @ taps))
        found.append((np.abs(phase - np.polyval(np.polyfit(frequencies, phase, 1), frequencies)).max(), taps))
    return min(found, key=lambda entry: entry[0])[1]


def test_sym6_is_the_least_asymmetric_daubechies_filter_of_six_moments():
    derived = _least_asymmetric(6)
    assert min(np.abs(derived - SYM6).max(), np.abs(derived[::-1] - SYM6).max()) < 1e-11


@pytest.mark.parametrize(("taps", "moments"), [(SYM6, 6), (SYM2, 2)])
def test_wavelets_are_orthonormal_and_their_high_pass_kills_polynomials(taps, moments):
    h = np.array(taps)
    for shift in range(moments):
        assert (h[2 * shift :] * h[: len(h) - 2 * shift]).sum() == pytest.approx(float(shift == 0), abs=1e-12)
    signs, place = (-1.0) ** np.arange(len(h)), np.arange(len(h)) - len(h) / 2
    for moment in range(moments):
        assert (h * signs * place**moment).sum() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(("length", "margin"), [(5, 3), (3, 11)])
def test_extension_mirrors_as_numpy_does(length, margin):
    row = np.random.default_rng(0).normal(size=length)
    assert np.array_equal(extension(length, margin).numpy() @ row, np.pad(row, margin, mode="symmetric"))


def test_doubling_equals_scipy_on_the_mirrored_row_and_halving_undoes_it():
    row = np.random.default_rng(0).normal(size=16)
    extended = upfirdn(np.array(SYM6) * math.sqrt(2), np.pad(row, 12, mode="symmetric"), up=2)
    doubled = upsampling(16).numpy() @ row
    assert np.abs(doubled - extended[24 + 5 : 24 + 5 + 32]).max() < 1e-12
    with_margin = extended[24 : 24 + 42]
    assert np.abs(downsampling(16).numpy() @ with_margin - row).max() < 1e-12
    flat = torch.ones(16, dtype=torch.float64)
    assert torch.allclose(upsampling(16) @ flat, torch.ones(32, dtype=torch.float64))


def test_filtering_equals_numpy_on_the_mirrored_row():
    row, taps = np.random.default_rng(0).normal(size=7), (0.1, -0.2, 0.7, -0.2, 0.1)
    expected = np.convolve(np.pad(row, 2, mode="symmetric"), taps, mode="valid")
    assert np.abs(filtering(taps, 7).numpy() @ row - expected).max() < 1e-12
