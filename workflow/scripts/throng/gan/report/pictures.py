"""Sheets of images: every label on the same scenes, one scene under every label, and samples beside what they resemble.

Source: own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from throng.gan.conditioning.preservation import difference
from throng.images import encode_png

WIDEST = 1400
SMALLEST = 96
GAP = 4
LINE = 18
MARGIN = 8
INK, PAPER, SOFT = (29, 33, 38), (255, 255, 255), (92, 101, 112)
STRONG = 64.0  # grey levels of difference that are shown in the strongest colour


def sheet(pixels: np.ndarray, names: Sequence[str]) -> bytes:
    """Return a PNG of (S, K, R, R, 3) uint8 scenes under K labels: a row per label, a column per scene."""
    return _tabled(np.moveaxis(pixels, 0, 1), names)


def plain_sheet(pixels: np.ndarray, columns: int) -> bytes:
    """Return a PNG of (N, R, R, 3) uint8 images in so many columns; what is left over of the last row is dropped."""
    columns = min(columns, len(pixels))
    rows = len(pixels) // columns
    return _tabled(pixels[: rows * columns].reshape(rows, columns, *pixels.shape[1:]), [""] * rows)


def sweep(pixels: np.ndarray, names: Sequence[str], counted: Sequence[float] | None, unit: str) -> bytes:
    """Return a PNG of one scene (K, R, R, 3) uint8 under K labels, and of each image's difference to the first.

    ``counted`` is what a judge sees in each image, in ``unit``, None for nobody's word.
    """
    apart = np.stack([heat(difference(pixels[0], one)) for one in pixels])
    titles = list(names)
    if counted is not None:
        titles = [f"{name}: {people:.1f} {unit}" for name, people in zip(names, counted, strict=True)]
    return _tabled(np.stack([pixels, apart]), ["drawn", "changed"], titles)


def beside(samples: np.ndarray, by_pixels: np.ndarray, by_features: np.ndarray, name: str) -> bytes:
    """Return a PNG of (N, R, R, 3) uint8 generated images above what they resemble most, by pixels and by features."""
    rows = np.stack([samples, by_pixels, by_features])
    return _tabled(rows, ["generated", "nearest real, pixels", f"nearest real, {name}"])


def said(sentence: str) -> bytes:
    """Return a PNG with nothing but a sentence: why there is no picture."""
    width = int(_font().getlength(sentence)) + 2 * MARGIN
    image = Image.new("RGB", (width, LINE + 2 * MARGIN), PAPER)
    ImageDraw.Draw(image).text((MARGIN, MARGIN), sentence, fill=SOFT, font=_font())
    return encode_png(np.asarray(image))


def heat(values: np.ndarray) -> np.ndarray:
    """Return (H, W) grey levels of difference as (H, W, 3) uint8, from black over red to white at 64 and above."""
    share = np.clip(values / STRONG, 0, 1)[..., None]
    return (255 * np.clip(share * (3.0, 3.0, 3.0) - (0.0, 1.0, 2.0), 0, 1)).astype(np.uint8)


def _tabled(rows: np.ndarray, names: Sequence[str], titles: Sequence[str] = ()) -> bytes:
    """Return a PNG of (rows, columns, R, R, 3) uint8 images with a name before each row and a title on each column."""
    down, across, side = rows.shape[:3]
    left = max((int(_font().getlength(name)) for name in names), default=0) + 2 * MARGIN if any(names) else MARGIN
    room = (WIDEST - left) // across - GAP
    factor = max(1, min(-(-SMALLEST // side) * 2, room // side))
    cell = side * factor
    top = LINE + MARGIN if titles else MARGIN
    image = Image.new("RGB", (left + across * (cell + GAP) + MARGIN, top + down * (cell + GAP) + MARGIN), PAPER)
    pen = ImageDraw.Draw(image)
    for column, title in enumerate(titles):
        pen.text((left + column * (cell + GAP), MARGIN // 2), _cut(title, cell + GAP), fill=SOFT, font=_font())
    for row, name in enumerate(names):
        y = top + row * (cell + GAP)
        pen.text((MARGIN, y + cell // 2 - LINE // 2), name, fill=INK, font=_font())
        for column in range(across):
            large = np.repeat(np.repeat(rows[row, column], factor, 0), factor, 1)
            image.paste(Image.fromarray(large), (left + column * (cell + GAP), y))
    return encode_png(np.asarray(image))


def _cut(text: str, width: int) -> str:
    """Return as much of a text as fits into so many pixels."""
    while text and _font().getlength(text) > width:
        text = text[:-1]
    return text


@lru_cache(maxsize=1)
def _font() -> Any:
    return ImageFont.load_default(13)
