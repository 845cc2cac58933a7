"""Batches of pairs of different pictures, each pair a pure function of its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from throng.counting.learning_to_count.operators import Grid, check_divides
from throng.counting.order import Order
from throng.errors import ThrongError


class Batch(NamedTuple):
    """P pairs: (2 P, 3, H, W) uint8 crops, the x of all pairs before the y of all, and what befalls each crop.

    ``filters`` (2 P,) int64 are numbers of downsampling filters, ``grey`` (2 P,) bool says which crops lose their
    colour.
    """

    pixels: torch.Tensor
    filters: torch.Tensor
    grey: torch.Tensor


@dataclass(frozen=True)
class CropOptions:
    """How crops are made of pictures.

    ``crop`` (H, W) is cut at random, ``mirror`` mirrors half of the crops, ``filters`` is the number of downsampling
    filters drawn from, ``grey`` the share of crops that lose their colour, ``mosaic`` the share put together from the
    tiles of as many pictures, whose counts add up exactly.
    """

    crop: tuple[int, int]
    filters: int
    grid: Grid = (2, 2)
    grey: float = 2 / 3
    mirror: bool = True
    mosaic: float = 0.0
    seed: int = 0


class Pairs:
    """Batches of ``pairs`` pairs by number.

    What pair n shows depends on the seed and n alone, so the pairs of a step are the same however many processes or
    micro-batches share it. Raises ThrongError when there are fewer than two pictures, or a crop does not fit.
    """

    def __init__(
        self, pictures: Sequence[np.ndarray], options: CropOptions, pairs: int, shares: Sequence[float] | None = None
    ) -> None:
        if len(pictures) < 2:
            raise ThrongError(
                f"learning to count compares different pictures, at least 2; got {len(pictures)}: add pictures"
            )
        check_divides(*options.crop, options.grid)
        self._pictures, self._options, self._pairs = pictures, options, pairs
        self._order = Order([1.0] * len(pictures) if shares is None else shares, [], 1, options.seed)

    def __call__(self, number: int) -> Batch:
        """Return batch ``number``; raises ThrongError for a picture that is smaller than the crop."""
        first = number * self._pairs
        drawn = [self._pair(pair) for pair in range(first, first + self._pairs)]
        shown = [*(pair[0] for pair in drawn), *(pair[1] for pair in drawn)]
        return Batch(
            torch.from_numpy(np.stack([crop for crop, _, _ in shown])).permute(0, 3, 1, 2),
            torch.tensor([filtered for _, filtered, _ in shown]),
            torch.tensor([grey for _, _, grey in shown]),
        )

    def numbers(self, pair: int) -> tuple[int, int]:
        """Return which two pictures, never one twice, pair ``pair`` compares."""
        (x,), (y,) = self._order.batch(2 * pair), self._order.batch(2 * pair + 1)
        if x == y:
            rng = np.random.default_rng([self._options.seed, 2, pair])
            y = (x + int(rng.integers(1, len(self._pictures)))) % len(self._pictures)
        return x, y

    def _pair(self, pair: int) -> list[tuple[np.ndarray, int, bool]]:
        rng = np.random.default_rng([self._options.seed, 1, pair])
        return [self._crop(number, rng) for number in self.numbers(pair)]

    def _crop(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, int, bool]:
        options = self._options
        filtered, grey = int(rng.integers(options.filters)), bool(rng.random() < options.grey)
        if rng.random() < options.mosaic:
            return self._mosaic(number, rng), filtered, grey
        return self._window(number, options.crop, rng), filtered, grey

    def _mosaic(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Return one tile of the picture and of others, in random places."""
        rows, columns = self._options.grid
        height, width = self._options.crop[0] // rows, self._options.crop[1] // columns
        others = rng.integers(len(self._pictures), size=rows * columns - 1)
        chosen = rng.permutation([number, *others.tolist()])
        parts = [self._window(int(other), (height, width), rng) for other in chosen]
        return np.block([[[part] for part in parts[row * columns : (row + 1) * columns]] for row in range(rows)])

    def _window(self, number: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        picture = self._pictures[number]
        spare = picture.shape[0] - size[0], picture.shape[1] - size[1]
        if min(spare) < 0:
            raise ThrongError(
                f"picture {number} is {picture.shape[0]}x{picture.shape[1]} pixels, smaller than the crop of "
                f"{size[0]}x{size[1]}: enlarge the pictures, or take smaller crops"
            )
        top, left = (int(rng.integers(room + 1)) for room in spare)
        window = picture[top : top + size[0], left : left + size[1]]
        return window[:, ::-1] if self._options.mirror and rng.random() < 0.5 else window
