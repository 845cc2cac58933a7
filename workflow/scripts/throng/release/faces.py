"""Heads made unrecognisable: the blur, and the file that holds the blurred picture."""

import math
from collections.abc import Iterable

import cv2
import numpy as np

from throng.images import decode, encode_png
from throng.release.containers import png
from throng.release.containers.files import icc_profile
from throng.release.heads import Rectangle

# colours that a blurred head keeps, along each side of the area around it
CELLS = 4
# pixels of a cell's side that nobody can recognise a head by
CELL = 4


def blurred(data: bytes, areas: Iterable[Rectangle]) -> bytes:
    """Return an image file as PNG with areas blurred as by :func:`blur`, all other pixels as they are decoded.

    The colour profile is kept, the orientation applied; grey images become colour, transparency is lost. Raises
    ThrongError for a file that is no image.
    """
    profile = icc_profile(data)
    made = encode_png(blur(decode(data), areas))
    return png.with_profile(made, profile) if profile else made


def blur(image: np.ndarray, areas: Iterable[Rectangle]) -> np.ndarray:
    """Return an (H, W, 3) uint8 image with at most 4 x 4 colours left of each area: x, y, w, h in pixels.

    What changes is the ellipse through the area's corners. Its bounding box is averaged over cells, and the averages
    are interpolated, so that whatever had no effect on an average is gone: no filter brings it back. Every area is
    computed from the image as given and from its own box alone: two images that are equal there are so afterwards.
    """
    made = image.copy()
    for x, y, w, h in sorted(areas):
        across, down = max(w, 1) / math.sqrt(2), max(h, 1) / math.sqrt(2)
        centre_x, centre_y = x + w / 2, y + h / 2
        x0, x1 = _span(centre_x, across, image.shape[1])
        y0, y1 = _span(centre_y, down, image.shape[0])
        if x0 >= x1 or y0 >= y1:
            continue
        rows, columns = np.ogrid[y0:y1, x0:x1]
        inside = ((columns - centre_x) / across) ** 2 + ((rows - centre_y) / down) ** 2 <= 1
        made[y0:y1, x0:x1][inside] = _smoothed(image[y0:y1, x0:x1])[inside]
    return made


def _span(centre: float, half: float, size: int) -> tuple[int, int]:
    """Return the first pixel whose centre is within reach, and the one after the last, inside the frame."""
    return max(0, math.ceil(centre - half)), min(size, math.floor(centre + half) + 1)


def _smoothed(part: np.ndarray) -> np.ndarray:
    height, width = part.shape[:2]
    cells = [min(CELLS, max(1, side // CELL)) for side in (width, height)]
    means = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    return cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR).reshape(part.shape)
