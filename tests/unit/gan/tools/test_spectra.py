"""Spectra against what theory says of white images, single waves and pictures that were enlarged."""

import numpy as np
import pytest

from throng.errors import ThrongError
from throng.gan.tools.spectra import Moments, slice_of, spectrum_of, window_of

SIZE = 32


def waves(cycles: float, along: int) -> np.ndarray:
    """A wave of ``cycles`` per pixel along the columns (0 degrees) or the diagonal (45)."""
    y, x = np.mgrid[:SIZE, :SIZE]
    place = x if along == 0 else (x + y) / np.sqrt(2)
    return np.repeat(np.cos(2 * np.pi * cycles * place)[..., None], 3, axis=2)


def test_white_images_have_power_one_at_every_frequency() -> None:
    rng = np.random.default_rng(0)
    spectrum = spectrum_of((7 + 3 * rng.standard_normal((SIZE, SIZE, 3)) for _ in range(400)), 7, 3)
    assert spectrum.power.shape == (4 * SIZE, 4 * SIZE)
    assert spectrum.power.mean() == pytest.approx(1, rel=0.01)
    assert spectrum.power.std() < 0.1


@pytest.mark.parametrize("degrees", [0, 45])
def test_a_wave_is_found_at_its_frequency(degrees: int) -> None:
    frequency, power = slice_of(spectrum_of([waves(0.25, degrees)], 0, 1), degrees)
    assert frequency[np.argmax(power)] == pytest.approx(0.25, abs=0.01)
    # The window's side lobes: beta 8 keeps them more than 50 dB down.
    assert power[np.abs(frequency - 0.25) > 0.12].max() < power.max() - 50


def test_window_is_separable_and_of_power_one() -> None:
    window = window_of(SIZE)
    assert np.linalg.matrix_rank(window) == 1
    assert (window**2).sum() == pytest.approx(1)


def test_moments_are_those_of_all_values() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    moments = Moments()
    for image in images:
        moments.add(image)
    assert (moments.mean, moments.deviation) == pytest.approx((images.mean(), images.std()))
    flat = Moments()
    flat.add(np.full((8, 8, 3), 9))
    with pytest.raises(ThrongError, match="one grey all over"):
        _ = flat.deviation
    with pytest.raises(ThrongError, match="at least one image"):
        spectrum_of([], 0, 1)
