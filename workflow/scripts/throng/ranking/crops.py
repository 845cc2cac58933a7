"""Nested windows of one photograph: a window shows everyone that a window inside it shows."""

import math

import numpy as np

from throng.tables.ranked_pairs import Crop


def nested_windows(
    width: int, height: int, *, number: int, shrink: float, anchor: float, least: int, random: np.random.Generator
) -> list[Crop]:
    """Return up to ``number`` square windows of whole pixels about one anchor, each inside the one before.

    The anchor is drawn from the central ``anchor`` of width and height; the first window is the largest square about
    it inside the frame, and each next side is ``shrink`` times the last. Sides below ``least`` pixels are left out.
    Liu et al., "Leveraging Unlabeled Data for Crowd Counting by Learning to Rank", CVPR 2018, algorithm 1.
    """
    across, down = random.uniform(-0.5, 0.5, 2).tolist()
    x, y = width * (0.5 + anchor * across), height * (0.5 + anchor * down)
    side = math.floor(2 * min(x, width - x, y, height - y))
    windows: list[Crop] = []
    while len(windows) < number and side >= least:
        # half up at both ends, so that a smaller side never reaches beyond a larger one
        left, top = math.floor(x - side / 2 + 0.5), math.floor(y - side / 2 + 0.5)
        windows.append(Crop(x=left, y=top, w=side, h=side))
        side = math.floor(side * shrink)
    return windows


def contains(outer: Crop, inner: Crop) -> bool:
    """Tell whether the first window holds all pixels of the second."""
    return (
        outer["x"] <= inner["x"]
        and outer["y"] <= inner["y"]
        and outer["x"] + outer["w"] >= inner["x"] + inner["w"]
        and outer["y"] + outer["h"] >= inner["y"] + inner["h"]
    )
