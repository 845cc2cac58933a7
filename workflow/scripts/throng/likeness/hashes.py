"""Perceptual hashes of an image, of its mirror image, and of what a crop would leave of it."""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from throng.fingerprint import SIDE, fingerprints

Interval = tuple[float, float]
Window = tuple[Interval, Interval]  # across and down, shares of width and height
WHOLE: Window = ((0.0, 1.0), (0.0, 1.0))
REDUCED = 128  # longer side, pixels, from which windows are cut
EVEN = 1.0  # grey levels; what varies less is an even image, all of which look alike


def windows_of(crops: Sequence[float]) -> list[Window]:
    """Return the whole image and the windows that stand for crops which keep these shares of width or height.

    A kept share s lies at the start, in the middle or at the end of its side, since what a hash forgives is about half
    the way between two of them; each side is cut by itself, so there are (1 + 3 per share)^2 windows, the whole first.
    """
    cuts: list[Interval] = [(0.0, 1.0)]
    for share in crops:
        room = 1 - share
        cuts += [(0.0, share), (room / 2, 1 - room / 2), (room, 1.0)]
    return list(itertools.product(cuts, cuts))


def hashes_of(image: np.ndarray, windows: Sequence[Window]) -> np.ndarray | None:
    """Return (1 + W,) uint64 hashes of an (H, W, 3) uint8 RGB image: of its mirror image, then of each window.

    None for an image without contrast: its hash says nothing.
    """
    grey = reduced(image, REDUCED)
    if grey.std() < EVEN:
        return None
    height, width = grey.shape
    cut = np.empty((len(windows), SIDE, SIDE))
    for place, ((left, right), (top, bottom)) in enumerate(windows):
        rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
        columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
        cut[place] = cv2.resize(grey[rows, columns], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.concatenate([fingerprints(cut[:1], mirrored=True), fingerprints(cut)])


def reduced(image: np.ndarray, side: int) -> np.ndarray:
    """Return (H, W, 3) uint8 RGB as float32 grey whose longer side has ``side`` pixels, by area averaging."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    scale = side / max(grey.shape)
    height, width = (max(1, round(length * scale)) for length in grey.shape)
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
