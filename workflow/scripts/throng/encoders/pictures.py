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
from throng.sources.headers import read_header
from throng.tables.ranked_pairs import Crop

# Pixels per side that a scaled decode leaves for each that is kept, so that averaging them is what smooths.
SPARE = 2
SCALED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_COLOR_RGB,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB,
}


@dataclass(frozen=True)
class Place:
    """Where a picture lies, and which window of it in whole pixels is looked at (None: all)."""

    source: str
    path: str
    crop: Crop | None = field(default=None, hash=False)


class Pictures(Sequence[np.ndarray]):
    """The pictures at ``places`` as (h, w, 3) uint8 RGB, read-only, by :func:`place_on`; many threads may ask.

    Pictures are kept while ``gigabytes`` (2^30 bytes) last, and read again each time when they are spent. JPEGs are
    decoded at a half, a quarter or an eighth where twice the pixels of ``size`` (h, w) are left. Asking raises
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
            return place_on(_window(data, place.crop, self._size), self._size)
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


def _window(data: bytes, crop: Crop | None, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a crop, or of all, of an image file, decoded no larger than ``size`` needs."""
    scale = _scale(data, crop, size)
    image = decode(data) if scale == 1 else cv2.imdecode(np.frombuffer(data, np.uint8), SCALED[scale])
    if image is None:
        raise ThrongError("the bytes are no image that can be decoded")
    if crop is None:
        return image
    x, y, w, h = (crop[side] // scale for side in ("x", "y", "w", "h"))
    part = image[max(0, y) : y + h, max(0, x) : x + w]
    if part.shape[:2] != (h, w) or h < 1 or w < 1:
        raise ThrongError(
            f"its crop {dict(crop)} is no part of {image.shape[1] * scale} x {image.shape[0] * scale} pixels"
        )
    return part


def _scale(data: bytes, crop: Crop | None, size: tuple[int, int]) -> int:
    """Return how many times smaller, 8, 4, 2 or 1, a file may be decoded."""
    header = read_header(data, max_pixels=2**63)
    if header.format != "jpeg" or header.reason:
        return 1
    width, height = header.width, header.height
    ends = []
    if crop is not None:
        # a crop between decoded pixels, or of sides that are rounded up at an end shown first, needs them all
        ends = [crop["x"], crop["y"], crop["w"], crop["h"], width, height]
        width, height = crop["w"], crop["h"]
    shrink = max(height / size[0], width / size[1])
    for scale in SCALED:
        if shrink >= SPARE * scale and not any(end % scale for end in ends):
            return scale
    return 1
