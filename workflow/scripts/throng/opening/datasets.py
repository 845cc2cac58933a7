"""Torch datasets over a release: nothing is decoded before it is asked for, and any number of workers may ask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from throng.counting.samples import Sample
from throng.opening.samples import (
    Counted,
    DensityPicture,
    Labelled,
    Ranked,
    RankedPictures,
    picture,
    said,
)
from throng.opening.shards import TarShards


class Keyed(Dataset[Any]):
    """Samples by number: each the key of a sample in the shards of one of several products."""

    def __init__(self, shards: Sequence[TarShards], keys: Sequence[np.ndarray]) -> None:
        self._shards = list(shards)
        self._of = np.repeat(np.arange(len(keys), dtype=np.int32), [len(part) for part in keys])
        self._keys = np.concatenate([np.empty(0, "S1"), *keys])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._keys)

    @property
    def ids(self) -> list[str]:
        """The samples' ids in the release."""
        return [key.decode() for key in self._keys.tolist()]

    def _at(self, index: int) -> tuple[TarShards, str]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return self._shards[self._of[index]], self._keys[index].decode()


class HeadPoints(Keyed):
    """Images whose heads are known, each a :class:`throng.counting.samples.Sample`, image (H, W, 3) uint8 RGB."""

    def __getitem__(self, index: int) -> Sample:
        """Return one image with its head points (N, 2) x, y in pixels, and its weight."""
        shards, key = self._at(index)
        files = shards.read(key)
        known = said(Counted, files, key)
        return Sample(picture(files, "", key), known.heads, weight=known.weight)


class Counts(Keyed):
    """Images whose number of people is known, each a Sample without points, also where the release has them."""

    def __getitem__(self, index: int) -> Sample:
        """Return one image with its count and the count's standard deviation, None where exact, both in people."""
        shards, key = self._at(index)
        files = shards.read(key)
        known = said(Counted, files, key)
        image = picture(files, "", key, known.window)
        return Sample(image, None, known.count, known.count_std or None, known.weight)


class Densities(Keyed):
    """Images with their density class and score."""

    def __getitem__(self, index: int) -> DensityPicture:
        """Return one image with its density label."""
        shards, key = self._at(index)
        files = shards.read(key)
        label = said(Labelled, files, key)
        return DensityPicture(
            picture(files, "", key, label.window),
            label.density_class,
            label.density_class_name,
            label.density_score,
            label.density_method,
            _number(label.count),
            _number(label.people_per_m2),
            key,
        )


class RankedPairs(Keyed):
    """Ranked pairs, windows cut out; ``parquet`` are the files with their columns."""

    def __init__(self, shards: TarShards, keys: np.ndarray, parquet: Sequence[Path]) -> None:
        super().__init__([shards], [keys])
        self.parquet = list(parquet)

    @property
    def shards(self) -> TarShards:
        """The tar shards that hold the pairs."""
        return self._shards[0]

    def __getitem__(self, index: int) -> RankedPictures:
        """Return one pair."""
        shards, key = self._at(index)
        files = shards.read(key)
        ranked = said(Ranked, files, key)
        return RankedPictures(
            picture(files, "more", key, ranked.more_crop),
            picture(files, "fewer", key, ranked.fewer_crop),
            ranked.relation,
            _number(ranked.delta),
            ranked.weight,
            ranked.kind,
            key,
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
