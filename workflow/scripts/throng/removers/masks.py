"""What is painted over when a person goes: the person, a margin and the shadow of the feet, but nobody who stays.

People are laid over each other as a painter would, from the farthest feet (the highest row) to the nearest: who goes
is painted over, and who stays and stands in front is kept, wholly where an instance mask says where the person is,
else at the head, the part that people are counted by.
"""

import dataclasses
import math
from collections.abc import Collection, Iterable, Sequence

import cv2
import numpy as np

from throng import rle
from throng.tables.detections import Detection


@dataclasses.dataclass(frozen=True)
class Patch:
    """A bool mask placed at (top, left) of an image."""

    top: int
    left: int
    mask: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        """The part of the image that the patch covers."""
        rows, columns = self.mask.shape
        return np.s_[self.top : self.top + rows, self.left : self.left + columns]

    def trimmed(self) -> "Patch":
        """Return the patch without rows and columns outside its mask, which must not be empty."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        mask = self.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return Patch(self.top + int(rows[0]), self.left + int(columns[0]), mask)


def body(person: Detection, height: int, width: int) -> Patch:
    """Return the person: the instance mask where there is one that is not empty, else the box (whole pixels).

    Raises ThrongError when the mask belongs to an image of another size.
    """
    if person["mask"] is not None:
        mask = rle.decode(person["mask"], height, width)
        if mask.any():
            return Patch(0, 0, mask).trimmed()
    return _box(person["x"], person["y"], person["w"], person["h"], height, width)


def head(person: Detection, height: int, width: int) -> Patch:
    """Return where a standing person's head is: the upper sixth of the box, the middle half of its width."""
    return _box(person["x"] + person["w"] / 4, person["y"], person["w"] / 2, person["h"] / 6, height, width)


def margin(person: Detection, height: int, width: int, *, dilation: float, shadow: float) -> Patch:
    """The person grown by ``dilation`` pixels, and an ellipse about the feet ``shadow`` pixels beyond the box."""
    grown = body(person, height, width)
    reach = math.ceil(max(dilation, shadow)) + 1
    top = max(grown.top - reach, 0)
    left = max(min(grown.left, math.floor(person["x"])) - reach, 0)
    bottom = min(max(grown.window[0].stop, math.ceil(person["y"] + person["h"])) + reach, height)
    right = min(max(grown.window[1].stop, math.ceil(person["x"] + person["w"])) + reach, width)
    canvas = np.zeros((bottom - top, right - left), np.uint8)
    canvas[grown.top - top : grown.window[0].stop - top, grown.left - left : grown.window[1].stop - left] = grown.mask
    size = 2 * round(dilation) + 1
    canvas = cv2.dilate(canvas, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    if shadow > 0:
        feet = (round(person["x"] + person["w"] / 2) - left, round(person["y"] + person["h"]) - top)
        cv2.ellipse(canvas, feet, (round(person["w"] / 2 + shadow), round(shadow)), 0, 0, 360, 1, -1)
    return Patch(top, left, canvas.astype(bool)).trimmed()


def union(patches: Iterable[Patch], height: int, width: int) -> np.ndarray:
    """Return the (height, width) bool mask of all patches."""
    mask = np.zeros((height, width), bool)
    for patch in patches:
        mask[patch.window] |= patch.mask
    return mask


@dataclasses.dataclass(frozen=True)
class Scene:
    """The people of one image as patches, and their order, farthest first.

    ``fronts`` are what is kept of each who stands in front of others, ``halos`` the bodies grown by the dilation,
    ``margins`` these with the shadow.
    """

    height: int
    width: int
    bodies: Sequence[Patch]
    fronts: Sequence[Patch]
    halos: Sequence[Patch]
    margins: Sequence[Patch]
    order: Sequence[int]

    def bodies_of(self, people: Iterable[int]) -> np.ndarray:
        """Return the (height, width) bool union of these people's bodies."""
        return union((self.bodies[index] for index in people), self.height, self.width)

    def without(self, removed: Collection[int]) -> np.ndarray:
        """Return the (height, width) bool mask for removing these people: margins stop at the bodies of who stays."""
        gone = set(removed)
        mask = union((self.margins[index] for index in gone), self.height, self.width)
        for index in self.order:
            if index not in gone:
                mask[self.bodies[index].window] &= ~self.bodies[index].mask
        for index in self.order:
            if index in gone:
                mask[self.bodies[index].window] |= self.bodies[index].mask
            else:
                mask[self.fronts[index].window] &= ~self.fronts[index].mask
        return mask


def scene(
    people: Sequence[Detection],
    height: int,
    width: int,
    *,
    dilation_px: float,
    dilation_share: float,
    shadow_share: float,
) -> Scene:
    """Lay out the people of an image; margins and shadows grow with each person's box height."""
    bodies = [body(person, height, width) for person in people]
    halos, margins = (
        [
            margin(
                person,
                height,
                width,
                dilation=max(dilation_px, dilation_share * person["h"]),
                shadow=share * person["h"],
            )
            for person in people
        ]
        for share in (0.0, shadow_share)
    )
    fronts = [
        head(person, height, width) if person["mask"] is None else outline
        for person, outline in zip(people, bodies, strict=True)
    ]
    order = sorted(range(len(people)), key=lambda index: people[index]["y"] + people[index]["h"])
    return Scene(height, width, bodies, fronts, halos, margins, order)


def _box(x: float, y: float, w: float, h: float, height: int, width: int) -> Patch:
    top, bottom = _within(y, y + h, height)
    left, right = _within(x, x + w, width)
    return Patch(top, left, np.ones((bottom - top, right - left), bool))


def _within(begin: float, end: float, size: int) -> tuple[int, int]:
    """Return the whole pixels that an interval touches, at least one, inside the image."""
    first = min(max(math.floor(begin), 0), size - 1)
    return first, min(max(math.ceil(end), first + 1), size)
