"""Backend ``opencv``: inpainting by fast marching (Telea 2004) or Navier-Stokes (Bertalmio et al. 2001).

Both read no further than ``radius`` pixels from what they fill, so areas that lie further apart are filled one by
one on crops: the result is the same as on the whole image.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from throng.removers.protocol import Remover, Request
from throng.sections.remove import OpenCV

METHODS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}
GRADIENT = 2  # both methods take differences between neighbours of what they read


def make(config: OpenCV, _model: Path | None) -> Remover:
    """Return the remover; it needs no weights."""
    return OpenCVRemover(config.method, config.radius)


class OpenCVRemover:
    """Fills each connected area of a mask from its rim."""

    recipes: tuple[str, ...] = ("chain", "sham")
    batch = 1
    random = False
    parallel = True
    model: Mapping[str, str] | None = None

    def __init__(self, method: str, radius: float) -> None:
        self.options: Mapping[str, Any] = {"method": method, "radius": radius}
        self._flag, self._radius = METHODS[method], radius
        self._reach = math.ceil(radius) + GRADIENT

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Fill every mask; nothing is random here, so the seeds have no effect."""
        return [self._fill(request) for request in requests]

    def _fill(self, request: Request) -> np.ndarray:
        edited = request.image.copy()
        if request.mask is None:
            raise ValueError(f"recipe {request.recipe!r} has no mask to fill")
        for top, left, area in self._areas(request.mask):
            rows, columns = area.shape
            window = np.s_[top : top + rows, left : left + columns]
            crop = np.ascontiguousarray(request.image[window])
            edited[window][area] = cv2.inpaint(crop, area.astype(np.uint8), self._radius, self._flag)[area]
        return edited

    def _areas(self, mask: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield (top, left, area) of what must be filled together, with room to read from on every side."""
        half = (self._reach + 1) // 2
        near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * half + 1, 2 * half + 1), np.uint8))
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
        for label in range(1, count):
            x, y, w, h = (int(value) for value in boxes[label][:4])
            top, left = max(y - self._reach, 0), max(x - self._reach, 0)
            window = np.s_[top : y + h + self._reach, left : x + w + self._reach]
            yield top, left, mask[window] & (labels[window] == label)
