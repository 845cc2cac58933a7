"""Labelled photographs as training asks for them: by number, decoded once, at the network's resolution."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

import numpy as np

from throng.counting.inputs import InputSpec
from throng.counting.pixel_store import PixelStore
from throng.density.maps import adaptive_sigmas
from throng.errors import ThrongError


@dataclass(frozen=True)
class Sample:
    """A photograph, (H, W, 3) uint8 RGB pixels or the bytes of an image file, and what is known of its people.

    ``points`` are the heads (N, 2) x, y in pixels, or None where nobody knows where they are. Then ``count`` is the
    number of people in the whole picture, known to a standard deviation of ``std`` people (None: exactly), or None too:
    such a picture teaches only through ranked pairs. ``weight`` multiplies what the picture adds to the loss.
    """

    image: np.ndarray | bytes
    points: np.ndarray | None
    count: float | None = None
    std: float | None = None
    weight: float = 1.0


class Samples(Protocol):
    """Any sequence of samples, such as a ``torch.utils.data.Dataset``."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample | tuple[np.ndarray | bytes, np.ndarray]:
        """Return one sample."""
        ...


class Window(NamedTuple):
    """A part of a picture in whole pixels, as ingested."""

    left: int
    top: int
    width: int
    height: int


class Pair(NamedTuple):
    """A ranked pair of samples, by number: ``more`` shows at least ``margin`` people more than ``fewer``.

    ``equal`` pairs show as many. Windows are None for the whole picture; ``share`` is how often an epoch shows the pair
    in the mean.
    """

    more: int
    fewer: int
    margin: float = 0.0
    equal: bool = False
    more_window: Window | None = None
    fewer_window: Window | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Prepared:
    """A sample at the network's resolution, with one sigma per head in pixels; an unknown count or std is NaN."""

    image: np.ndarray
    points: np.ndarray | None
    sigmas: np.ndarray
    count: float = math.nan
    std: float = math.nan
    weight: float = 1.0

    @property
    def people(self) -> float:
        """The number of people in the picture, NaN where unknown."""
        return self.count if self.points is None else float(len(self.points))


class SampleCache:
    """Decoded samples at the network's resolution, kept in memory while the budget lasts; safe from many threads."""

    def __init__(self, samples: Samples, spec: InputSpec, gigabytes: float, sigma: float | Literal["adaptive"]) -> None:
        self._samples, self._spec, self._sigma = samples, spec, sigma
        self._store = PixelStore(int(gigabytes * 2**30))
        self._kept: dict[int, Prepared] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Prepared:
        if index in self._kept:
            return self._kept[index]
        prepared = self._prepare(index, _sample(self._samples[index]))
        with self._lock:
            if index not in self._kept and (kept := _kept(prepared, self._store)) is not None:
                self._kept[index] = kept
        return self._kept.get(index, prepared)

    def part(self, index: int, window: Window | None) -> np.ndarray:
        """Return a sample's pixels, or a window of them, (h, w, 3) uint8 at the network's resolution.

        Edges are rounded alike for all windows, so that one inside another stays there.
        """
        image = self[index].image
        if window is None:
            return image
        factor, shape = self._spec.image_scale, image.shape[:2]
        left, right = (round(x * factor) for x in (window.left, window.left + window.width))
        top, bottom = (round(y * factor) for y in (window.top, window.top + window.height))
        if not (0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]):
            raise ThrongError(f"{window} of sample {index} is not inside its {shape[1]}x{shape[0]} pixels at {factor}")
        return image[top:bottom, left:right]

    def _prepare(self, index: int, sample: Sample) -> Prepared:
        _check(index, sample)
        image = sample.image
        if isinstance(image, bytes):
            from throng.images import decode

            image = decode(image)
        count = math.nan if sample.count is None else float(sample.count)
        std = math.nan if sample.std is None else float(sample.std)
        if sample.points is None:
            return Prepared(self._spec.scaled(image), None, np.zeros(0), count, std, sample.weight)
        moved = self._spec.scaled_points(sample.points, (image.shape[0], image.shape[1]))
        sigmas = adaptive_sigmas(moved) if isinstance(self._sigma, str) else np.full(len(moved), float(self._sigma))
        return Prepared(self._spec.scaled(image), moved, sigmas, weight=sample.weight)


def _kept(prepared: Prepared, store: PixelStore) -> Prepared | None:
    image, points, sigmas = (
        None if array is None else store.keep(array) for array in (prepared.image, prepared.points, prepared.sigmas)
    )
    if image is None or sigmas is None or (points is None and prepared.points is not None):
        return None
    return replace(prepared, image=image, points=points, sigmas=sigmas)


def _sample(given: Sample | tuple[np.ndarray | bytes, np.ndarray]) -> Sample:
    return given if isinstance(given, Sample) else Sample(*given)


def _check(index: int, sample: Sample) -> None:
    image, points = sample.image, sample.points
    if not isinstance(image, bytes) and (image.dtype != np.uint8 or image.ndim != 3):
        raise ThrongError(
            f"the image of sample {index} must be (H, W, 3) uint8 pixels 0 to 255 or the bytes of a file, "
            f"not {image.dtype} of shape {image.shape}"
        )
    if points is not None and not np.isfinite(points).all():
        raise ThrongError(f"the head points of sample {index} are not all finite numbers")
    if sample.points is not None and sample.count is not None:
        raise ThrongError(f"sample {index} has head points and a count: give the points alone, they are the count")
    for name in ("count", "std", "weight"):
        value = getattr(sample, name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ThrongError(f"the {name} of sample {index} must be a number of at least 0, not {value}")


@dataclass(frozen=True)
class Mean:
    """What an epoch shows in the mean: people per picture, people per pixel of a crop, and in all."""

    count: float
    density: float
    people: float


def mean_of(
    samples: SampleCache, crop: tuple[int, int], shares: Sequence[float] | None = None, *, workers: int = 1
) -> Mean:
    """Return the means over all samples of known count, each as often as its share says (None: once).

    A sample without head points is shown whole in one crop of (H, W) pixels, the others at their own size. Every sample
    is decoded by one of ``workers`` threads, so that a damaged one is found before training.
    """

    def people_and_area(index: int) -> tuple[float, int]:
        item = samples[index]
        height, width = crop if item.points is None else item.image.shape[:2]
        return item.people, height * width

    people = pixels = known = 0.0
    with ThreadPoolExecutor(max(1, workers)) as pool:
        shown = pool.map(people_and_area, range(len(samples)))
        for index, (count, area) in enumerate(shown):
            share = 1 if shares is None else shares[index]
            if share and not math.isnan(count):
                people, pixels, known = people + share * count, pixels + share * area, known + share
    return Mean(people / known, people / pixels, people) if known else Mean(0.0, 0.0, 0.0)
