"""Crops that move their points, made from a batch's number alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from throng.counting.augment import (
    Look,
    factor_between,
    fitted,
    inside,
    mean_colour,
    placed,
    random_factor,
    random_look,
    random_window,
    resized,
    window_shape,
)
from throng.counting.options import CounterOptions
from throng.counting.order import Order
from throng.counting.samples import Pair, Prepared, SampleCache


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
    """Batches of crops as a pure function of their number.

    A sample with head points gives a random window of the crop's size, and the heads in it. One without gives the whole
    picture, shrunk to fit and set on a ground of its mean colour, for its count is the whole picture's. A ranked pair
    gives two such crops, alike in scale, ground, place and all changes; an equal pair is ranked both ways round.
    ``shares`` is how often an epoch shows each sample in the mean (None: once); batches are :class:`Order`'s.
    """

    def __init__(
        self,
        samples: SampleCache,
        options: CounterOptions,
        shares: Sequence[float] | None = None,
        pairs: Sequence[Pair] = (),
    ) -> None:
        self._samples, self._options, self._pairs = samples, options, pairs
        shares = [1.0] * len(samples) if shares is None else shares
        self._order = Order(shares, [pair.share for pair in pairs], options.batch_size, options.seed)

    def __call__(self, number: int) -> Batch:
        """Return batch ``number``."""
        rng = np.random.default_rng([self._options.seed, 1, number])
        units = self._order.batch(number)
        images = np.empty((sum(1 if self._single(unit) else 2 for unit in units), *self._options.crop, 3), np.uint8)
        crops: list[Prepared] = []
        ranked: list[tuple[int, int]] = []
        margins: list[float] = []
        for unit in units:
            first = len(crops)
            if self._single(unit):
                crops.append(self._sample(self._samples[unit], images[first], rng))
                continue
            pair = self._pairs[unit - len(self._samples)]
            crops += self._pair(pair, images[first : first + 2], rng)
            orders = [(first, first + 1), (first + 1, first)] if pair.equal else [(first, first + 1)]
            ranked += orders
            margins += [pair.margin] * len(orders)
        return Batch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            [None if crop.points is None else torch.from_numpy(crop.points) for crop in crops],
            [torch.from_numpy(crop.sigmas) for crop in crops],
            counts=torch.tensor([crop.count for crop in crops]),
            stds=torch.tensor([crop.std for crop in crops]),
            weights=torch.tensor([crop.weight for crop in crops]),
            pairs=torch.tensor(ranked) if ranked else None,
            margins=torch.tensor(margins) if ranked else None,
        )

    def _single(self, unit: int) -> bool:
        return unit < len(self._samples)

    def _sample(self, item: Prepared, out: np.ndarray, rng: np.random.Generator) -> Prepared:
        if item.points is None:
            self._show_whole([item.image], out[None], rng)
            return replace(item, image=out)
        shape = self._options.crop
        own = window_shape(shape, self._factor(rng)) if self._scales else shape
        window, top, left = random_window(item.image, own, rng)
        points = item.points - (left, top)
        here = inside(points, own)
        sigmas = item.sigmas[here]
        if isinstance(self._options.sigma, str) and own != shape:
            sigmas = sigmas * math.sqrt(shape[0] / own[0] * shape[1] / own[1])
        window, points = resized(window, points[here], shape)
        image, points = self._look(rng)(window, points, out)
        return replace(item, image=image, points=points, sigmas=sigmas)

    def _pair(self, pair: Pair, out: np.ndarray, rng: np.random.Generator) -> list[Prepared]:
        more = self._samples.part(pair.more, pair.more_window)
        fewer = self._samples.part(pair.fewer, pair.fewer_window)
        self._show_whole([more, fewer], out, rng)
        return [Prepared(image, None, np.zeros(0)) for image in out]

    def _show_whole(self, images: Sequence[np.ndarray], out: np.ndarray, rng: np.random.Generator) -> None:
        """Put whole pictures in ``out``, all changes in common; a changed size is a smaller one, as all must fit."""
        shape = self._options.crop
        factor = self._factor(rng) if self._scales else 1.0
        pictures = fitted(images, shape, min(factor, 1 / factor))
        ground, where = mean_colour(pictures[0]), (rng.random(), rng.random())
        look = self._look(rng)
        for picture, place in zip(pictures, out, strict=True):
            look(placed(picture, shape, ground, where), None, place)

    @property
    def _scales(self) -> bool:
        return bool(self._options.scale_jitter or self._options.scale_range)

    def _factor(self, rng: np.random.Generator) -> float:
        if self._options.scale_range:
            return factor_between(*self._options.scale_range, rng)
        return random_factor(self._options.scale_jitter, rng)

    def _look(self, rng: np.random.Generator) -> Look:
        options = self._options
        return random_look(
            mirror=options.mirror, jitter=options.jitter, gamma=options.gamma, grey=options.grey, rng=rng
        )
