"""Average power spectra of photographs and of a generator's images, which show what an upsampler leaves behind.

As in Karras et al. (NeurIPS 2021, figure 6 and appendix): whitened by the photographs' mean and deviation, windowed by
a Kaiser window of beta 8, padded to four times the size, and averaged over images.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throng.canvas import figure
from throng.errors import ThrongError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BETA = 8.0
PADDING = 4
RANGE_DB = (-60.0, 0.0)


@dataclass(frozen=True)
class Spectrum:
    """Mean power over frequencies, float64 (4R, 4R), frequency 0 in the middle, and how many images it is of."""

    power: np.ndarray
    images: int

    @property
    def size(self) -> int:
        """Width and height of an image, pixels."""
        return len(self.power) // PADDING


@dataclass
class Moments:
    """Mean and deviation of all values of images, over pixels and channels."""

    number: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, image: np.ndarray) -> None:
        """Take one image of any shape in."""
        values = image.astype(np.float64)
        self.number += values.size
        self.total += float(values.sum())
        self.squares += float((values * values).sum())

    @property
    def mean(self) -> float:
        """Mean of all values."""
        return self.total / self.number

    @property
    def deviation(self) -> float:
        """Standard deviation of all values; raises ThrongError when there is none."""
        variance = self.squares / self.number - self.mean**2
        if variance <= 0:
            raise ThrongError("the images are of one grey all over: they have no spectrum")
        return variance**0.5


def spectrum_of(images: Iterable[np.ndarray], mean: float, deviation: float) -> Spectrum:
    """Return the average power spectrum of (R, R, 3) images, channels averaged too.

    A white image of deviation 1 has power 1 at every frequency in the mean. Raises ThrongError without any image.
    """
    total: np.ndarray | None = None
    number = 0
    window = np.empty(0)
    for image in images:
        if total is None:
            window = window_of(len(image))
            total = np.zeros((PADDING * len(image),) * 2)
        whitened = (image.astype(np.float64) - mean) / deviation
        waves = np.fft.fft2(whitened * window[..., None], s=total.shape, axes=(0, 1))
        total += (np.abs(waves) ** 2).mean(-1)
        number += 1
    if total is None:
        raise ThrongError("a spectrum needs at least one image")
    return Spectrum(np.fft.fftshift(total) / number, number)


def window_of(size: int) -> np.ndarray:
    """Return the separable Kaiser window (size, size) whose squares sum to 1."""
    row = np.kaiser(size, BETA)
    row /= np.sqrt((row * row).sum())
    return np.outer(row, row)


def slice_of(spectrum: Spectrum, degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (frequency in cycles per pixel, power in dB) from the middle outwards at 0 or 45 degrees."""
    middle = len(spectrum.power) // 2
    steps = np.arange(middle)
    power = spectrum.power[middle, middle + steps] if degrees == 0 else spectrum.power[middle + steps, middle + steps]
    frequency = steps / len(spectrum.power) * (1.0 if degrees == 0 else np.sqrt(2.0))
    return frequency, decibels(power)


def decibels(power: np.ndarray) -> np.ndarray:
    """Return 10 log10 of power, at least -200."""
    return 10 * np.log10(np.maximum(power, 1e-20))


def as_csv(spectra: Mapping[str, Spectrum]) -> str:
    """Return the slices as CSV: set, angle, frequency in cycles per pixel, power in dB."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("set", "degrees", "frequency", "decibels"))
    for name, spectrum in spectra.items():
        for degrees in (0, 45):
            for frequency, power in zip(*slice_of(spectrum, degrees), strict=True):
                writer.writerow((name, degrees, f"{frequency:.6f}", f"{power:.4f}"))
    return text.getvalue()


def draw(spectra: Mapping[str, Spectrum]) -> Figure:
    """Return the figure: a heat map of each spectrum, and below them the slices at 0 and 45 degrees of all."""
    drawn = figure(4.6 * len(spectra), 7.2, 110)
    grid = drawn.add_gridspec(2, 2 * len(spectra))
    top = max(float(decibels(one.power).max()) for one in spectra.values())
    for column, (name, spectrum) in enumerate(spectra.items()):
        axes = drawn.add_subplot(grid[0, 2 * column : 2 * column + 2])
        shown = axes.imshow(
            decibels(spectrum.power) - top,
            extent=(-0.5, 0.5, 0.5, -0.5),
            vmin=RANGE_DB[0],
            vmax=RANGE_DB[1],
            cmap="magma",
        )
        axes.set(title=f"{name}, {spectrum.images} images", xlabel="cycles per pixel")
        drawn.colorbar(shown, ax=axes, label="dB below the largest")
    for place, degrees in enumerate((0, 45)):
        axes = drawn.add_subplot(grid[1, place * len(spectra) : (place + 1) * len(spectra)])
        for name, spectrum in spectra.items():
            axes.plot(*slice_of(spectrum, degrees), label=name, lw=1.2)
        axes.set(title=f"{degrees}°", xlabel="cycles per pixel", ylabel="dB")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return drawn
