"""Crops that move their points, made from a batch's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from throng.counting.options import CounterOptions
from throng.counting.samples import Prepared, SampleCache


class Batch(NamedTuple):
    """A batch of crops: (B, 3, H, W) uint8 pixels and their labels.

    Per crop ``points`` holds its heads (N_i, 2) x, y in pixels, None where nobody knows where they are, and ``sigmas``
    (N_i,) in pixels. ``counts`` (B,) float32 are people, NaN: the number of points; ``stds`` (B,) their standard
    deviations, NaN: exact; ``weights`` (B,) multiply what a crop adds to the loss. ``pairs`` (P, 2) int64 are indices
    (more, fewer) in the batch, ``margins`` (P,) by how many people the first leads at least; None without pairs.
    """

    images: torch.Tensor
    points: Sequence[torch.Tensor | None]
    sigmas: Sequence[torch.Tensor]
    counts: torch.Tensor
    stds: torch.Tensor
    weights: torch.Tensor
    pairs: torch.Tensor | None = None
    margins: torch.Tensor | None = None


class Crops:
    """Random crops, mirrored or not, as a pure function of the batch's number.

    Each pass over the samples is a new permutation; a picture smaller than the crop is extended by repeating
    its edge.
    """

    def __init__(self, samples: SampleCache, options: CounterOptions) -> None:
        self._samples, self._options = samples, options

    def __call__(self, number: int) -> Batch:
        """Return batch ``number``."""
        rng = np.random.default_rng([self._options.seed, 1, number])
        first = number * self._options.batch_size
        crops = [
            self._crop(self._samples[self._index(first + offset)], rng) for offset in range(self._options.batch_size)
        ]
        images = torch.from_numpy(np.stack([crop.image for crop in crops])).permute(0, 3, 1, 2)
        return Batch(
            images,
            [torch.from_numpy(crop.points) for crop in crops],
            [torch.from_numpy(crop.sigmas) for crop in crops],
            counts=torch.full((len(crops),), torch.nan),
            stds=torch.full((len(crops),), torch.nan),
            weights=torch.ones(len(crops)),
        )

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, len(self._samples))
        order = np.random.default_rng([self._options.seed, 0, epoch]).permutation(len(self._samples))
        return int(order[place])

    def _crop(self, item: Prepared, rng: np.random.Generator) -> Prepared:
        height, width = self._options.crop
        image = item.image
        short = max(0, height - image.shape[0]), max(0, width - image.shape[1])
        if any(short):
            image = np.pad(image, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
        top = int(rng.integers(0, image.shape[0] - height + 1))
        left = int(rng.integers(0, image.shape[1] - width + 1))
        window = image[top : top + height, left : left + width]
        points = item.points - (left, top)
        inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(1)
        points, sigmas = points[inside], item.sigmas[inside]
        if self._options.mirror and rng.random() < 0.5:
            window = window[:, ::-1]
            points = np.column_stack([width - 1 - points[:, 0], points[:, 1]])
        if self._options.jitter:
            window = _jittered(window, self._options.jitter, rng)
        return Prepared(np.ascontiguousarray(window), points, sigmas)


def _jittered(image: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    gain = (1 + rng.uniform(-jitter, jitter)) * (1 + rng.uniform(-jitter / 3, jitter / 3, 3))
    levels = np.clip(np.arange(256)[:, None] * gain + 0.5, 0, 255).astype(np.uint8)
    return np.stack([levels[:, channel][image[..., channel]] for channel in range(3)], -1)
