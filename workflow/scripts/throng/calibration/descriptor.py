"""Backend ``descriptor``: histograms of oriented gradients and colour statistics, pooled over cells at several scales.

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005, pooled as in Lazebnik, Schmid and
Ponce, "Beyond Bags of Features", CVPR 2006; square roots of histograms compare them by the Hellinger distance.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from throng.calibration.features import Features, unit
from throng.sections.count_synthetic import Descriptor

GREY_LEVELS = 255.0
COLOUR_SHARE = 0.5  # of a scale's energy


def make(config: Descriptor, files: Sequence[Path], device: str) -> Features:
    """Return the descriptor; it needs no model and no device."""
    del files, device
    return Describer(config)


class Describer:
    """Describes each image by itself; equal pixels give equal vectors."""

    model: Mapping[str, str] | None = None

    def __init__(self, config: Descriptor) -> None:
        self._config = config

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return (N, D) float32 vectors of length 1."""
        return unit(np.stack([self._one(image) for image in images]))

    def _one(self, image: np.ndarray) -> np.ndarray:
        """Return the concatenated scales; every scale weighs the same."""
        side, cells, parts = self._config.side, self._config.cells, list[np.ndarray]()
        while True:
            small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.float64) / GREY_LEVELS
            parts += [_gradients(small, cells, self._config.orientations), COLOUR_SHARE * _colours(small, cells)]
            if cells == 1:
                return np.concatenate(parts)
            side, cells = max(side // 2, 8), cells // 2


def _gradients(image: np.ndarray, cells: int, bins: int) -> np.ndarray:
    """Return (cells * cells * bins,) roots of the shares that cells and orientations have in the gradient."""
    grey = image.mean(axis=2)
    down, across = np.gradient(grey)
    strength = np.hypot(down, across)
    turn = np.mod(np.arctan2(down, across), np.pi) * (bins / np.pi)
    low = np.floor(turn)
    share = turn - low
    cell = _cell_of(grey.shape, cells)
    histogram = np.zeros(cells * cells * bins)
    for offset, weight in ((0, 1 - share), (1, share)):
        index = cell * bins + np.mod(low + offset, bins).astype(np.int64)
        histogram += np.bincount(index.ravel(), (weight * strength).ravel(), len(histogram))
    return np.sqrt(histogram / max(histogram.sum(), 1e-12))


def _colours(image: np.ndarray, cells: int) -> np.ndarray:
    """Return (cells * cells * 6,) means and standard deviations of three opponent colours, of unit length."""
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    opponents = ((red + green + blue) / 3 - 0.5, red - green, (red + green) / 2 - blue)
    cell = _cell_of(red.shape, cells).ravel()
    number = np.bincount(cell, minlength=cells * cells)
    found: list[np.ndarray] = []
    for channel in opponents:
        mean = np.bincount(cell, channel.ravel(), cells * cells) / number
        square = np.bincount(cell, channel.ravel() ** 2, cells * cells) / number
        found += [mean, np.sqrt(np.maximum(square - mean**2, 0))]
    colours = np.concatenate(found)
    return colours / max(float(np.linalg.norm(colours)), 1e-12)


def _cell_of(shape: tuple[int, ...], cells: int) -> np.ndarray:
    """Return the (H, W) index of the cell that each pixel lies in."""
    rows, columns = (np.arange(size) * cells // size for size in shape)
    return rows[:, None] * cells + columns[None]
