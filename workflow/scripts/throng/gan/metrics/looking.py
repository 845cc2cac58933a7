"""What is kept of a set of images: features and thumbnails, never the images themselves.

Source: own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError
from throng.gan.metrics.extractor import Extractor
from throng.gan.metrics.memorisation import thumbnails
from throng.workdir import Ticker


@dataclass(frozen=True)
class Looked:
    """What is kept of a set of images: features (N, dim) per extractor, in order, and thumbnails (N, D)."""

    features: tuple[np.ndarray, ...]
    thumbnails: np.ndarray


def look(batches: Iterable[np.ndarray], extractors: Sequence[Extractor], title: str, total: int) -> Looked:
    """Return what is kept of batches (B, H, W, 3) uint8 RGB of ``total`` images, in one pass.

    Progress goes to the log as ``title``. 50 000 images take 0.7 GB at 2048 features. Raises ThrongError for no images.
    """
    kept = [_Rows(total) for _ in extractors]
    small = _Rows(total)
    ticker = Ticker(title, done=0, total=total)
    for batch in batches:
        for rows, extractor in zip(kept, extractors, strict=True):
            rows.add(extractor(batch))
        # float16 is off by a twentieth of a level: nothing beside the distances of photographs
        small.add(thumbnails(batch).astype(np.float16))
        for _ in batch:
            ticker.advance()
    if (found := small.rows()) is None:
        raise ThrongError(f"{title}: no images: give some")
    return Looked(tuple(features for rows in kept if (features := rows.rows()) is not None), found)


class _Rows:
    """Rows (N, D) that arrive in parts, in one array of ``room`` rows from the start, so that nothing is held twice."""

    def __init__(self, room: int) -> None:
        self._room, self._filled = room, 0
        self._all: np.ndarray | None = None

    def add(self, part: np.ndarray) -> None:
        if self._all is None:
            self._all = np.empty((max(self._room, len(part)), *part.shape[1:]), part.dtype)
        end = self._filled + len(part)
        if end > len(self._all):
            self._all = np.concatenate([self._all, np.empty_like(self._all, shape=(end, *part.shape[1:]))])
        self._all[self._filled : end] = part
        self._filled = end

    def rows(self) -> np.ndarray | None:
        return None if self._all is None else self._all[: self._filled]
