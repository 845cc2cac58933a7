"""From a window of a photograph to a square: cut, resized by Lanczos's filter, letterboxed where it is a band."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from throng.conversion import lanczos
from throng.density.crowd import CropKind, Window, crop_window
from throng.errors import ThrongError
from throng.images import decode
from throng.sources.headers import Header

Resize = Literal["scaled", "lanczos"]

# pixels that a scaled decode leaves per written pixel: 1.5 keeps 38 dB to a full decode on real photographs, 1.25 34 dB
SPARE = 1.5
SCALED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_COLOR_RGB,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB,
}


@dataclass(frozen=True)
class Square:
    """What becomes of an image: a part of it in ``resolution`` x ``resolution`` pixels.

    ``kind`` and ``aspect`` say which part, as :func:`throng.density.crowd.crop_window` has it. ``none`` squeezes the
    whole image into the square, ``center-crop-wide`` keeps the band's shape between bars of black.
    """

    resolution: int
    kind: CropKind = "none"
    aspect: tuple[int, int] = (16, 9)
    resize: Resize = "scaled"
    enlarge: bool = False

    @property
    def picture(self) -> tuple[int, int]:
        """Width and height of what is not letterbox, pixels."""
        if self.kind != "center-crop-wide":
            return self.resolution, self.resolution
        across, down = self.aspect
        longest = max(across, down)
        return max(1, round(self.resolution * across / longest)), max(1, round(self.resolution * down / longest))

    def window(self, header: Header) -> Window:
        """Return the part of an image that is kept."""
        return crop_window(self.kind, header.width, header.height, self.aspect)


def square_of(data: bytes, header: Header, window: Window, square: Square) -> np.ndarray:
    """Return the (resolution, resolution, 3) uint8 RGB image of ``window`` (whole pixels as shown) of a file.

    ``lanczos`` decodes everything and resizes by Pillow. ``scaled`` lets libjpeg drop the frequencies that the square
    cannot show (decoding at 1/2, 1/4 or 1/8) while SPARE pixels are left for each that is written, and resizes by
    :mod:`throng.conversion.lanczos`.
    Raises ThrongError, its message a row's reason, when the file cannot be used.
    """
    if window.w < 1 or window.h < 1 or window.x < 0 or window.y < 0:
        raise ThrongError(f"window: {window.w} x {window.h} pixels from {window.x}, {window.y} are no part of an image")
    if window.x + window.w > header.width or window.y + window.h > header.height:
        raise ThrongError(f"window: it leaves the image, which has {header.width} x {header.height} pixels")
    width, height = square.picture
    if not square.enlarge and (window.w < width or window.h < height):
        raise ThrongError(
            f"too small: {window.w} x {window.h} pixels are kept and {width} x {height} written; choose a smaller "
            f"resolution, or let images be enlarged"
        )
    scale = _scale(header, window, square)
    pixels = _decoded(data, header, scale)
    x, y, w, h = (side / scale for side in (window.x, window.y, window.w, window.h))
    left, top, right, bottom = int(x), int(y), -int(-(x + w) // 1), -int(-(y + h) // 1)
    part = pixels[top:bottom, left:right]
    if square.resize == "lanczos":
        small = np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.LANCZOS))
    else:
        small = lanczos.resize(part, (width, height), (x - left, y - top, x - left + w, y - top + h))
    return _letterboxed(small, square.resolution)


def _scale(header: Header, window: Window, square: Square) -> int:
    """Return how many times smaller, 8, 4, 2 or 1, an image may be decoded."""
    if square.resize == "lanczos" or header.format != "jpeg":
        return 1
    width, height = square.picture
    for scale in SCALED:
        # a side that is no multiple is rounded up at its stored end, which orientation may show first
        whole = header.orientation == 1 or (header.width % scale == 0 and header.height % scale == 0)
        if whole and window.w >= SPARE * scale * width and window.h >= SPARE * scale * height:
            return scale
    return 1


def _decoded(data: bytes, header: Header, scale: int) -> np.ndarray:
    if scale == 1:
        try:
            pixels = decode(data)
        except ThrongError as error:
            raise ThrongError(f"damaged: {error}") from error
    else:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), SCALED[scale])
        if pixels is None:
            raise ThrongError("damaged: the JPEG cannot be decoded")
    expected = (-(-header.height // scale), -(-header.width // scale), 3)
    if pixels.shape != expected:
        raise ThrongError(f"damaged: {pixels.shape[1::-1]} pixels were decoded, {expected[1::-1]} expected")
    return pixels


def _letterboxed(picture: np.ndarray, resolution: int) -> np.ndarray:
    height, width = picture.shape[:2]
    if (width, height) == (resolution, resolution):
        return picture
    canvas = np.zeros((resolution, resolution, 3), np.uint8)
    left, top = (resolution - width) // 2, (resolution - height) // 2
    canvas[top : top + height, left : left + width] = picture
    return canvas
