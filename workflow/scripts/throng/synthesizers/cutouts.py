"""A pedestrian cut-out, and how a library of them is written down."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from throng.synthesizers.photometry import Look

SMALLEST_LEVEL = 24


@dataclass(frozen=True)
class CutOut:
    """One person: (h, w, 4) uint8 premultiplied RGBA, upright, without a margin.

    ``head`` is x, y of the head's centre and ``foot`` the column of the feet, in its own pixels; ``look`` is its
    photograph's, the blur scaled to the cut-out's pixels. ``photograph`` and ``person`` name it.
    """

    photograph: str
    person: int
    rgba: np.ndarray
    head: tuple[float, float]
    foot: float
    look: Look

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return self.rgba.shape[0]

    @functools.cached_property
    def levels(self) -> list[np.ndarray]:
        """Return the cut-out and its halvings down to 24 pixels, because shrinking a large one costs its whole size."""
        levels = [self.rgba]
        while min(levels[-1].shape[:2]) >= 4 and levels[-1].shape[0] >= 2 * SMALLEST_LEVEL:
            half = levels[-1].shape[1] // 2, levels[-1].shape[0] // 2
            levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
        return levels

    @functools.cached_property
    def thumbnail(self) -> np.ndarray:
        """Return the coverage of the smallest level, (h, w) uint8."""
        return np.ascontiguousarray(self.levels[-1][..., 3])

    def resized(self, height: int, width: int, *, mirrored: bool) -> np.ndarray:
        """Return the cut-out as (height, width, 4) uint8 premultiplied RGBA."""
        large = [level for level in self.levels if level.shape[0] >= height and level.shape[1] >= width]
        how = cv2.INTER_AREA if large else cv2.INTER_LINEAR
        small = cv2.resize(large[-1] if large else self.rgba, (width, height), interpolation=how)
        return cv2.flip(small, 1) if mirrored else small


def packed(library: Iterable[CutOut]) -> tuple[list[dict[str, Any]], bytes]:
    """Return cut-outs as plain JSON values, and their pixels one after the other."""
    members = list(library)
    entries = [{**asdict(cutout), "rgba": cutout.rgba.shape} for cutout in members]
    return entries, b"".join(cutout.rgba.tobytes() for cutout in members)


def unpacked(entries: Sequence[Mapping[str, Any]], pixels: bytes) -> list[CutOut]:
    """Return the cut-outs that :func:`packed` wrote down; raises KeyError, TypeError or ValueError for all else."""
    library: list[CutOut] = []
    flat, start = np.frombuffer(pixels, np.uint8), 0
    for entry in entries:
        height, width, channels = entry["rgba"]
        size = height * width * channels
        rgba = flat[start : start + size].reshape(height, width, channels)
        look = look_from(entry["look"])
        head = (entry["head"][0], entry["head"][1])
        library.append(CutOut(entry["photograph"], entry["person"], rgba, head, entry["foot"], look))
        start += size
    return library


def look_from(values: Mapping[str, Any]) -> Look:
    """Return the look that ``dataclasses.asdict`` and JSON made lists of."""
    mean, spread = values["mean"], values["spread"]
    return Look((mean[0], mean[1], mean[2]), (spread[0], spread[1], spread[2]), values["blur"])
