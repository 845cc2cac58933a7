"""Where the heads of all known people are, too large rather than too small: annotated, detected, or placed."""

import numpy as np

from throng.density.boxes import BOXES_OF_HEADS, detected_boxes
from throng.detectors.body import body_heights
from throng.evaluation.detection import box_iou
from throng.sections.detectors import Annotations
from throng.tables.detections import DetectionRow
from throng.tables.images import Box, ImageRow, Person, point_array
from throng.tables.synthetic import SyntheticRow

Rectangle = tuple[float, float, float, float]

# Of who stands upright the head is 0.135, of who is cut off below the chest about half the width: both with room
# for hair, for a bent neck, and for a box that is a little off.
OF_HEIGHT, OF_WIDTH = 0.2, 0.55
BROAD = 1.25  # width of that area over its height, at most
SMALLEST = 6.0  # pixels
SAME = 0.5  # intersection over union of two boxes of one person


def heads_of(image: ImageRow, detections: DetectionRow | None) -> list[Rectangle]:
    """Return the areas (x, y, w, h in pixels) of all heads that are known in a photograph, sorted.

    Of annotated people the head boxes, else the upper parts of their boxes; of groups that nobody took apart, all;
    where only head points are annotated, squares around them, as large as their distances let people be; of detected
    people who are none of the annotated ones, the upper parts of their boxes.
    """
    people = image.people or []
    areas = [area for person in people if (area := _annotated(person))]
    if image.people is None:
        areas += _around(image)
    if detections and detections.backend != BOXES_OF_HEADS:
        known = [list(_rectangle(box)) for person in people if (box := person["visible"] or person["full"])]
        found = detected_boxes(detections)
        new = box_iou(found, np.array(known, float).reshape(-1, 4)).max(axis=1, initial=0) < SAME
        areas += [top_of((x, y, w, h)) for x, y, w, h in found[new].tolist()]
    return sorted(set(areas))


def heads_in_composite(image: SyntheticRow) -> list[Rectangle]:
    """Return the areas of the heads of everybody placed in a composite, sorted: around head points, by their boxes."""
    tops = [top_of(_rectangle(box)) for box in image.boxes or []]
    points = point_array(image.points or [])
    return sorted(_square(x, y, max(h, SMALLEST)) for (x, y), (_, _, _, h) in zip(points.tolist(), tops, strict=True))


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


def _around(image: ImageRow) -> list[Rectangle]:
    points = point_array(image.points or [])
    tall = body_heights(points, image.height, Annotations().head_to_body)
    sides = np.maximum(OF_HEIGHT * tall, SMALLEST)
    return [_square(x, y, side) for (x, y), side in zip(points.tolist(), sides.tolist(), strict=True)]


def _square(x: float, y: float, side: float) -> Rectangle:
    return x - side / 2, y - side / 2, side, side


def _rectangle(box: Box) -> Rectangle:
    return box["x"], box["y"], box["w"], box["h"]
