"""Draws placed people onto a background: contact shadows first, then everybody from far to near."""

from collections.abc import Sequence

import cv2
import numpy as np
from numba import njit

from throng.synthesizers.ground import STATURE_M
from throng.synthesizers.photometry import matching, missing_blur
from throng.synthesizers.placement import Pasted
from throng.synthesizers.places import Background

SHADOW_STRENGTH = 0.42
SHADOW_RADIUS_M = 0.34
FLATTEST = 0.22  # height over width of the shadow of a camera near the ground
LOCAL_LIGHT = 0.35
LIGHT_RANGE = (0.75, 1.25)
FAINTEST_BLUR = 0.25
SHARPEST = 0.3  # blur of a cut-out that was shrunk, pixels


def paint(background: Background, people: Sequence[Pasted]) -> np.ndarray:
    """Return the background with everybody on it, (H, W, 3) uint8."""
    canvas = _shaded(background, people)
    for index in sorted(range(len(people)), key=lambda index: (people[index].foot[1], -index)):
        _blend(canvas, background, people[index])
    return canvas


def _shaded(background: Background, people: Sequence[Pasted]) -> np.ndarray:
    """Return a copy of the background with a soft dark spot under everybody; where spots meet the darkest counts."""
    canvas = background.pixels.copy()
    if not people:
        return canvas
    shade = np.zeros((canvas.shape[0], canvas.shape[1]), np.float32)
    plane, width = background.place.plane, canvas.shape[1]
    for person in people:
        x, y = person.foot
        across = SHADOW_RADIUS_M * person.height / STATURE_M
        down = across * min(1.0, max(FLATTEST, (y - plane.horizon) / width))
        left, right = max(0, int(x - 2 * across)), min(canvas.shape[1], int(x + 2 * across) + 2)
        top, bottom = max(0, int(y - 2 * down)), min(canvas.shape[0], int(y + 2 * down) + 2)
        if left >= right or top >= bottom:
            continue
        columns = np.exp(-(((np.arange(left, right) - x) / across) ** 2) * 2).astype(np.float32)
        rows = np.exp(-(((np.arange(top, bottom) - y) / down) ** 2) * 2).astype(np.float32)
        spot = shade[top:bottom, left:right]
        np.maximum(spot, rows[:, None] * columns[None], out=spot)
    light = (255 * (1 - SHADOW_STRENGTH * shade)).astype(np.uint8)
    return cv2.multiply(canvas, cv2.merge([light, light, light]), scale=1 / 255)


def _blend(canvas: np.ndarray, background: Background, person: Pasted) -> None:
    patch, margin = person.rgba, 0
    scale = person.height / person.cutout.height
    blur = missing_blur(max(person.cutout.look.blur * scale, SHARPEST), background.look.blur)
    if blur >= FAINTEST_BLUR:
        margin = int(np.ceil(2 * blur))
        patch = cv2.copyMakeBorder(patch, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
        patch = cv2.GaussianBlur(patch, (0, 0), blur)
    light = np.clip(background.brightness(*person.foot) ** LOCAL_LIGHT, *LIGHT_RANGE)
    matrix = matching(person.cutout.look, background.look, float(light) * person.card.gain, person.card.turn)
    _mix(canvas, patch, person.left - margin, person.top - margin, matrix)


@njit(cache=True)
def _mix(canvas, patch, left, top, matrix):
    """Lay premultiplied (h, w, 4) uint8 RGBA, its colours put through a (3, 4) matrix, over the canvas.

    The matrix's offset counts as far as a pixel is covered.
    """
    rows, columns = canvas.shape[:2]
    for y in range(max(top, 0), min(top + patch.shape[0], rows)):
        for x in range(max(left, 0), min(left + patch.shape[1], columns)):
            red, green, blue, cover = patch[y - top, x - left]
            if cover == 0:
                continue
            alpha = np.float32(cover) / np.float32(255.0)
            for c in range(3):
                colour = matrix[c, 0] * red + matrix[c, 1] * green + matrix[c, 2] * blue + matrix[c, 3] * alpha
                colour = min(max(colour, np.float32(0.0)), np.float32(cover))
                canvas[y, x, c] = np.uint8(colour + canvas[y, x, c] * (np.float32(1.0) - alpha) + np.float32(0.5))
