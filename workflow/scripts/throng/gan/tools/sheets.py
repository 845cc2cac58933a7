"""Sheets of small pictures with names at their edges."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

FONT, SCALE, LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.4, 18
INK = (40, 40, 40)


def sheet(images: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    """Return (rows, columns, R, R, 3) uint8 pictures as one, pixel by pixel, with names on the left and on top.

    Names are left out where all are empty.
    """
    count, across, height, width, _ = images.shape
    left = max((_width(name) for name in rows), default=0)
    top = LINE if any(columns) else 0
    made = np.full((top + count * height, left + across * width, 3), 255, np.uint8)
    made[top:, left:] = images.transpose(0, 2, 1, 3, 4).reshape(count * height, across * width, 3)
    for row, name in enumerate(rows if left else ()):
        _write(made, name, 3, top + row * height + min(height, LINE) - 5)
    for column, name in enumerate(columns if top else ()):
        if _width(name) <= width:
            _write(made, name, left + column * width + 3, LINE - 5)
    return made


def _width(text: str) -> int:
    return cv2.getTextSize(text, FONT, SCALE, 1)[0][0] + 8 if text else 0


def _write(image: np.ndarray, text: str, x: int, y: int) -> None:
    cv2.putText(image, text, (x, y), FONT, SCALE, INK, 1, cv2.LINE_AA)
