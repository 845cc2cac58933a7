"""Photographs as a generator's images are: squares of its resolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from throng.errors import ThrongError
from throng.images import decode

UNUSED_LICENCE = ""


def square_photograph(path: Path, resolution: int) -> np.ndarray:
    """Return the largest centred square of a photograph as (resolution, resolution, 3) uint8 RGB.

    Shrunk by area, enlarged by cubic interpolation. Raises ThrongError when it cannot be read.
    """
    try:
        pixels = decode(path.read_bytes())
    except (OSError, ThrongError) as error:
        raise ThrongError(f"{path}: {error}; expected a photograph") from error
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    if side == resolution:
        return np.ascontiguousarray(square)
    method = cv2.INTER_AREA if side > resolution else cv2.INTER_CUBIC
    return cv2.resize(square, (resolution, resolution), interpolation=method)


class RealImages:
    """The images below a folder or in a zip, in the order of their paths, all of one resolution."""

    def __init__(self, path: Path, resolution: int, most: int) -> None:
        from throng.conversion.originals import open_source

        self._source = open_source(path, UNUSED_LICENCE)
        self._resolution, self._path = resolution, path
        originals = self._source.originals
        step = max(1, len(originals) // most)
        self._originals: Sequence = originals[::step][:most]

    def __len__(self) -> int:
        return len(self._originals)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield (R, R, 3) uint8 RGB images; raises ThrongError naming one that is damaged or of another size."""
        for original in self._originals:
            try:
                pixels = decode(self._source.read(original))
            except ThrongError as error:
                raise ThrongError(f"{self._path}: {original.path}: {error}") from error
            if pixels.shape[:2] != (self._resolution, self._resolution):
                height, width = pixels.shape[:2]
                raise ThrongError(
                    f"{self._path}: {original.path} has {width} x {height} pixels, the generator draws "
                    f"{self._resolution} x {self._resolution}: convert the images to its resolution first"
                )
            yield pixels
