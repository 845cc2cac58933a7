"""Backend ``opencv``: inpainting by fast marching (Telea 2004) or Navier-Stokes (Bertalmio et al. 2001).

Both read no further than ``radius`` pixels from what they fill, so a frame about the mask gives the same result as the
whole image. Crops about each area of a mask gain nothing over that.
"""

import math
from collections.abc import Mapping, Sequence
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
    """Fills a mask from its rim."""

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
        if request.mask is None:
            raise ValueError(f"recipe {request.recipe!r} has no mask to fill")
        edited = request.image.copy()
        rows, columns = np.flatnonzero(request.mask.any(axis=1)), np.flatnonzero(request.mask.any(axis=0))
        if not rows.size:
            return edited
        top, left = max(rows[0] - self._reach, 0), max(columns[0] - self._reach, 0)
        window = np.s_[top : rows[-1] + 1 + self._reach, left : columns[-1] + 1 + self._reach]
        area = request.mask[window]
        crop = np.ascontiguousarray(request.image[window])
        edited[window][area] = cv2.inpaint(crop, area.astype(np.uint8), self._radius, self._flag)[area]
        return edited
