"""Pictures as encoders look at them: all of one size, never stretched, decoded once while memory lasts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from throng.counting.pixel_store import PixelStore
from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.tables.ranked_pairs import Crop


@dataclass(frozen=True)
class Place:
    """Where a picture lies, and which window of it in whole pixels is looked at (None: all)."""

    source: str
    path: str
    crop: Crop | None = field(default=None, hash=False)


class Pictures(Sequence[np.ndarray]):
    """The pictures at ``places`` as (h, w, 3) uint8 RGB, read-only, by :func:`place_on`; many threads may ask.

    Pictures are kept while ``gigabytes`` (2^30 bytes) last, and read again each time when they are spent. Asking raises
    ThrongError for a picture that cannot be read or a crop that leaves it.
    """

    def __init__(self, places: Sequence[Place], store: ImageStore, size: tuple[int, int], gigabytes: float) -> None:
        self._places = list(places)
        self._store = store
        self._size = size
        self._kept: list[np.ndarray | None] = [None] * len(self._places)
        self._pixels = PixelStore(int(gigabytes * 2**30))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._places)

    def __getitem__(self, index: int) -> np.ndarray:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return one picture."""
        kept = self._kept[index]
        if kept is not None:
            return kept
        seen = _read_only(self._seen(self._places[index]))
        with self._lock:
            if self._kept[index] is None and (kept := self._pixels.keep(seen)) is not None:
                self._kept[index] = _read_only(kept)
        return seen

    def _seen(self, place: Place) -> np.ndarray:
        data = self._store.read_bytes(place.source, place.path)
        try:
            # All of a JPEG: decoding it at a half keeps less of what is fine, which would tell photographs from the
            # PNGs that were made of them.
            return place_on(_cropped(decode(data), place.crop), self._size)
        except ThrongError as error:
            raise ThrongError(f"picture {place.path!r} of source {place.source!r}: {error}") from error


def place_on(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return (h, w, 3) uint8: an (H, W, 3) image resized, its aspect ratio kept, centred on its mean colour.

    Shrinking averages areas, enlarging is bicubic. A picture of the aspect ratio of ``size`` (h, w) fills it, to a
    pixel's rounding.
    """
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, (width, height), interpolation=how)
    if (height, width) == size:
        return resized
    canvas = np.empty((*size, 3), np.uint8)
    canvas[:] = np.rint(image.mean((0, 1)))
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas[top : top + height, left : left + width] = resized
    return canvas


def _read_only(image: np.ndarray) -> np.ndarray:
    image.flags.writeable = False
    return image


def _cropped(image: np.ndarray, crop: Crop | None) -> np.ndarray:
    if crop is None:
        return image
    height, width = image.shape[:2]
    x, y, right, bottom = crop["x"], crop["y"], crop["x"] + crop["w"], crop["y"] + crop["h"]
    if not (0 <= x < right <= width and 0 <= y < bottom <= height):
        raise ThrongError(f"its crop {dict(crop)} is no part of {width} x {height} pixels")
    return image[y:bottom, x:right]
