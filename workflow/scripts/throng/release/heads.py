"""Where the heads of all known people are, too large rather than too small: annotated, detected, or placed."""

from collections.abc import Sequence

import numpy as np

from throng.density.boxes import BOXES_OF_HEADS
from throng.detectors.body import body_heights
from throng.evaluation.detection import box_iou
from throng.sections.detectors import Annotations
from throng.tables.detections import Detection
from throng.tables.images import Box, Person, Point, point_array

Rectangle = tuple[float, float, float, float]

# Of who stands upright the head is 0.135, of who is cut off below the chest about half the width: both with room
# for hair, for a bent neck, and for a box that is a little off.
OF_HEIGHT, OF_WIDTH = 0.2, 0.55
BROAD = 1.25  # width of that area over its height, at most
SMALLEST = 6.0  # pixels
SAME = 0.5  # intersection over union of two boxes of one person


def heads_of(
    people: Sequence[Person] | None,
    points: Sequence[Point] | None,
    height: int,
    detected: Sequence[Detection] = (),
    detector: str = "",
) -> list[Rectangle]:
    """Return the areas (x, y, w, h in pixels) of all heads that are known in a photograph ``height`` pixels tall.

    ``people`` and ``points`` are as in table images, ``detected`` and ``detector`` people and backend of its row in
    table detections. Of annotated people the head boxes are returned, else the upper parts of their boxes; of groups
    that nobody took apart, all; where only head points are annotated, squares around them, as large as their distances
    let people be; of detected people who are none of the annotated ones, the upper parts of their boxes. Sorted.
    """
    areas = [area for person in people or [] if (area := _annotated(person))]
    if people is None:
        areas += _around(points or [], height)
    if detector != BOXES_OF_HEADS:
        boxes = [person["visible"] or person["full"] for person in people or []]
        known = np.array([_rectangle(box) for box in boxes if box], float).reshape(-1, 4)
        found = np.array([(one["x"], one["y"], one["w"], one["h"]) for one in detected], float).reshape(-1, 4)
        new = box_iou(found, known).max(axis=1, initial=0) < SAME
        areas += [top_of((x, y, w, h)) for x, y, w, h in found[new].tolist()]
    return sorted(set(areas))


def heads_in_composite(points: Sequence[Point], boxes: Sequence[Box]) -> list[Rectangle]:
    """Return the areas of the heads of everybody placed in a composite, sorted: around head points, by their boxes."""
    tall = [top_of(_rectangle(box))[3] for box in boxes]
    return sorted(
        _square(point["x"], point["y"], max(side, SMALLEST)) for point, side in zip(points, tall, strict=True)
    )


def top_of(person: Rectangle) -> Rectangle:
    """Return the part of a person's box with the head: a fifth of who stands, more of who is seen from the chest up.

    The head is taken to be in the middle, and not at an end of a stride.
    """
    x, y, w, h = person
    tall = min(h, max(OF_HEIGHT * h, OF_WIDTH * w))
    wide = min(w, BROAD * tall)
    return x + (w - wide) / 2, y, wide, tall


def _annotated(person: Person) -> Rectangle | None:
    if person["head"]:
        return _rectangle(person["head"])
    box = person["visible"] or person["full"]
    if box is None:
        return None
    return _rectangle(box) if person["ignore"] else top_of(_rectangle(box))


def _around(points: Sequence[Point], height: int) -> list[Rectangle]:
    heads = point_array(points)
    tall = body_heights(heads, height, Annotations().head_to_body)
    sides = np.maximum(OF_HEIGHT * tall, SMALLEST)
    return [_square(x, y, side) for (x, y), side in zip(heads.tolist(), sides.tolist(), strict=True)]


def _square(x: float, y: float, side: float) -> Rectangle:
    return x - side / 2, y - side / 2, side, side


def _rectangle(box: Box) -> Rectangle:
    return box["x"], box["y"], box["w"], box["h"]
