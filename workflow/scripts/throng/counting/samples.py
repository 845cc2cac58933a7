"""Labelled photographs as training asks for them: by number, decoded once, at the network's resolution."""

from __future__ import annotations

import threading
from typing import Literal, NamedTuple, Protocol

import numpy as np

from throng.counting.inputs import InputSpec
from throng.density.maps import adaptive_sigmas


class Sample(NamedTuple):
    """A labelled photograph: (H, W, 3) uint8 RGB pixels or the bytes of an image file, and head points (N, 2) x, y."""

    image: np.ndarray | bytes
    points: np.ndarray


class Samples(Protocol):
    """Any sequence of samples, such as a ``torch.utils.data.Dataset``."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample | tuple[np.ndarray | bytes, np.ndarray]:
        """Return one sample."""
        ...


class Prepared(NamedTuple):
    """A sample at the network's resolution, with one sigma per head in pixels."""

    image: np.ndarray
    points: np.ndarray
    sigmas: np.ndarray


class SampleCache:
    """Decoded samples at the network's resolution, kept in memory while the budget lasts; safe from many threads."""

    def __init__(self, samples: Samples, spec: InputSpec, gigabytes: float, sigma: float | Literal["adaptive"]) -> None:
        self._samples, self._spec, self._sigma = samples, spec, sigma
        self._left = int(gigabytes * 2**30)
        self._kept: dict[int, Prepared] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Prepared:
        if index in self._kept:
            return self._kept[index]
        prepared = self._prepare(*self._samples[index])
        with self._lock:
            if index not in self._kept and prepared.image.nbytes <= self._left:
                self._left -= prepared.image.nbytes
                self._kept[index] = prepared
        return prepared

    def _prepare(self, image: np.ndarray | bytes, points: np.ndarray) -> Prepared:
        if isinstance(image, bytes):
            from throng.images import decode

            image = decode(image)
        moved = self._spec.scaled_points(points, (image.shape[0], image.shape[1]))
        sigmas = adaptive_sigmas(moved) if isinstance(self._sigma, str) else np.full(len(moved), float(self._sigma))
        return Prepared(self._spec.scaled(image), moved, sigmas)


def mean_density(samples: SampleCache) -> tuple[int, float]:
    """Return the number of heads in all samples, and the mean over all their pixels in people per pixel."""
    people = pixels = 0
    for index in range(len(samples)):
        item = samples[index]
        people += len(item.points)
        pixels += item.image.shape[0] * item.image.shape[1]
    return people, people / max(1, pixels)
