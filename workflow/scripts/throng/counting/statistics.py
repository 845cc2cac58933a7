"""Mean and standard deviation of the pixels that a counter learns from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from throng.counting.inputs import GREY_WEIGHTS
from throng.counting.samples import SampleCache

LEVELS = np.arange(256)


def pixel_statistics(
    samples: SampleCache, channels: int, shares: Sequence[float] | None = None, *, workers: int = 1
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation, one each per channel (1 grey, 3 RGB), in grey levels 0..255.

    They are those of all pixels of all samples at the network's resolution, each sample as often as its share says
    (None: once). C-3's published figures for ShanghaiTech B have the same means to 0.001 of the range; its deviations
    are averages over small batches, which leave out what differs between images, and are 2 % smaller.
    """

    def histogram(index: int) -> np.ndarray:
        pixels = samples[index].image
        if channels == 1:
            pixels = np.rint(pixels @ np.array(GREY_WEIGHTS)).astype(np.uint8)[..., None]
        return np.stack([np.bincount(pixels[..., channel].ravel(), minlength=256) for channel in range(channels)])

    drawn = [index for index in range(len(samples)) if shares is None or shares[index] > 0]
    total = np.zeros((channels, 256))
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for index, counted in zip(drawn, pool.map(histogram, drawn), strict=True):
            total += counted * (1 if shares is None else shares[index])
    weights = total / total.sum(1, keepdims=True)
    mean = weights @ LEVELS
    std = np.sqrt(weights @ LEVELS**2 - mean**2)
    return tuple(mean.tolist()), tuple(np.maximum(std, 1.0).tolist())
