"""Who stands where in the part of an image that is labelled, and the window that is that part."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from throng.density.ground import Ground

CropKind = Literal["none", "center-crop", "center-crop-wide"]


@dataclass(frozen=True)
class Window:
    """A part of an image in whole pixels: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int


def crop_window(kind: CropKind, width: int, height: int, wide: tuple[int, int] = (16, 9)) -> Window:
    """Return the window of an image of ``width`` x ``height`` pixels that a crop keeps.

    ``center-crop`` is the largest centred square, ``center-crop-wide`` the largest centred band of the aspect ``wide``
    (width, height) that is as wide as the image, or as tall where the image is wider than that; ``none`` all of it.
    """
    if kind == "none":
        return Window(0, 0, width, height)
    across, down = (1, 1) if kind == "center-crop" else wide
    w = min(width, max(1, round(height * across / down)))
    h = min(height, max(1, round(width * down / across)))
    return Window((width - w) // 2, (height - h) // 2, w, h)


@dataclass(frozen=True)
class Crowd:
    """The people of a window of an image; positions are float pixels of the window, origin at its first pixel's centre.

    ``count`` is the number of people, not whole where it was only calibrated. ``heads`` (N, 2) are head points, None
    where nobody knows where the people are. ``feet`` (N, 2) are where they stand, which may be below the window, and
    ``heights`` (N,) how tall they appear standing and unhidden; None where nothing tells their scale. ``scale`` says
    what told it. ``ground`` is the ground plane, None where it is not determined, for ``ground_reason``.
    """

    width: int
    height: int
    count: float
    heads: np.ndarray | None = None
    feet: np.ndarray | None = None
    heights: np.ndarray | None = None
    scale: str = ""
    ground: Ground | None = None
    ground_reason: str = ""

    def within(self, window: Window) -> "Crowd":
        """Return the people whose head points lie in ``window``; a crowd without head points must be kept whole.

        Raises ValueError when a crowd without head points is cut, since nobody knows how many are left.
        """
        ground = self.ground.moved(window.x, window.y) if self.ground else None
        if self.heads is None:
            if (window.w, window.h) != (self.width, self.height):
                raise ValueError("a crowd without head points cannot be cut")
            return self
        x, y = self.heads[:, 0] - window.x, self.heads[:, 1] - window.y
        inside = (x >= -0.5) & (x < window.w - 0.5) & (y >= -0.5) & (y < window.h - 0.5)
        shift = np.array([window.x, window.y], float)
        return dataclasses.replace(
            self,
            width=window.w,
            height=window.h,
            count=float(inside.sum()),
            heads=self.heads[inside] - shift,
            feet=None if self.feet is None else self.feet[inside] - shift,
            heights=None if self.heights is None else self.heights[inside],
            ground=ground,
        )


@dataclass(frozen=True)
class Measure:
    """What a labelling method says of one image.

    ``score`` is the method's continuous score (NaN is possible in the mode ``compat``), ``largest`` the value of the
    largest connected component and ``overall`` that of the whole window, None where the method has none. ``flags`` say
    on what assumption the score rests. A method that cannot tell has no score and a ``reason``, "short kind: detail".
    """

    score: float | None
    largest: float | None = None
    overall: float | None = None
    flags: tuple[str, ...] = ()
    reason: str = ""
