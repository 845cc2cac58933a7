"""A photograph with its density map over it, its count and interval written on it."""

from __future__ import annotations

import cv2
import numpy as np

from throng.counting.ensemble import Counted

FULL = 0.85  # the opacity where a map is densest
FAINT = 0.35  # exponent: the root of density decides opacity, so that single people are seen beside a crowd
DARKER = 0.55  # what is left of a photograph's brightness under nobody


def overlay(image: np.ndarray, counted: Counted) -> np.ndarray:
    """Return the (H, W, 3) uint8 RGB photograph under its map, in matplotlib's "inferno", more opaque where denser.

    The scale of colours ends at the 99.5th percentile of the cells with people, so that one spot does not darken all.
    """
    from matplotlib import colormaps

    height, width = counted.shape
    photograph = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
    cells = _smooth(counted.density, counted.stride)
    share = np.clip(cells / _top(cells), 0, 1)
    scaled_height, scaled_width = (max(1, round(side * counted.image_scale)) for side in (height, width))
    # The last cells reach beyond the photograph where its size is no multiple of the stride.
    wide = cv2.resize(share, (share.shape[1] * counted.stride, share.shape[0] * counted.stride))
    share = cv2.resize(wide[:scaled_height, :scaled_width], (width, height)).clip(0, 1)
    colours = colormaps["inferno"](0.25 + 0.75 * share, bytes=True)[..., :3].astype(np.float32)
    opacity = (FULL * share**FAINT * (share > 0.02))[..., None].astype(np.float32)
    opacity = cv2.GaussianBlur(opacity, (0, 0), 1.5)[..., None]
    grey = photograph.mean(2, keepdims=True)
    calm = DARKER * (0.5 * photograph + 0.5 * grey)
    mixed = opacity * colours + (1 - opacity) * calm
    return _captioned(mixed.round().clip(0, 255).astype(np.uint8), caption(counted))


def caption(counted: Counted) -> str:
    """Return the count and its interval as they are written on an overlay."""
    text = f"{counted.count:.0f} people"
    if counted.interval is not None:
        text += f" ({counted.interval[0]:.0f} to {counted.interval[1]:.0f})"
    return text


def _smooth(density: np.ndarray, stride: int) -> np.ndarray:
    """Return the map, at fine strides blurred to what the eye takes for one person."""
    sigma = 4 / stride
    return cv2.GaussianBlur(density, (0, 0), sigma) if sigma >= 1 else density


def _top(cells: np.ndarray) -> float:
    peak = float(cells.max())
    peopled = cells[cells > 0.02 * peak]
    return float(np.percentile(peopled, 99.5)) if peak > 0 and len(peopled) else 1.0


def _captioned(image: np.ndarray, text: str) -> np.ndarray:
    """Return the image with white text on a dark plate at its top left, a thirtieth of its height high."""
    height = image.shape[0]
    size = max(height / 30, 10) / 22
    thickness = max(1, round(2 * size))
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, thickness)
    size *= min(1.0, 0.92 * image.shape[1] / max(wide, 1))
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, thickness)
    pad = max(4, high // 2)
    plate = image[: high + below + 2 * pad, : wide + 2 * pad]
    plate[:] = (0.35 * plate).astype(np.uint8)
    # OpenCV draws into memory it owns the layout of.
    drawn = np.ascontiguousarray(image)
    return cv2.putText(
        drawn, text, (pad, pad + high), cv2.FONT_HERSHEY_DUPLEX, size, (255, 255, 255), thickness, cv2.LINE_AA
    )
