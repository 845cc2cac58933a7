"""Photographs without their people, and what in them must be painted anew before they are places without people.

A remover takes out whom a detector found. Left over are people that only the annotation knows, people the detector was
too unsure of, groups that nobody counts, and the legs of people whose boxes end where somebody else hid them.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from throng import rle
from throng.density.boxes import detected_boxes, is_guess, standing_boxes
from throng.detectors.body import body_boxes
from throng.manifest import OK
from throng.roots import RESULTS
from throng.synthesizers.ground import plane_of
from throng.synthesizers.protocol import Material
from throng.tables.detections import DetectionRow
from throng.tables.images import Box, ImageRow
from throng.tables.removals import RemovalRow

HEAD_TO_BODY = 9.0
GROWN = 0.12  # of a box, when somebody left over is painted out
SHORT = 0.85  # of the height that the ground plane says: whose box is lower lacks the legs
LONGEST = 2.0  # of the box's height, its height with legs
STEEPEST = 0.9  # slope of a ground plane that still tells where the feet of a head are


@dataclass(frozen=True, eq=False)
class Site:
    """An emptied photograph: where its pixels are, who stood in it, (N, 4) ``standing`` boxes, guessed or known.

    ``left`` are boxes of what is left over, ``mask`` the COCO string of what a remover filled in so that it is to be
    filled again, or None; ``painted`` is the share of the image that was, or is to be, painted anew.
    """

    row: ImageRow
    source: str
    path: str
    standing: np.ndarray
    guessed: bool
    left: tuple[Box, ...]
    mask: str | None
    painted: float

    def hole(self) -> np.ndarray:
        """Return the (H, W) bool mask of the pixels that are to be filled."""
        hole = boxes_mask(self.left, self.row.height, self.row.width)
        return hole if self.mask is None else hole | rle.decode(self.mask, self.row.height, self.row.width)


def find_sites(material: Material, refill: Collection[str]) -> list[Site]:
    """Return the emptied photographs of a material, and those without people, in the order of their ids.

    What the removers named in ``refill`` filled in is to be filled again.
    """
    sites: list[Site] = []
    for name, row in sorted(material.photographs.items()):
        found, edit = material.detections.get(name), material.emptied.get(name)
        if found is not None and found.status == OK and (edit is not None or not found.people):
            sites.append(_site(row, found, edit, refill))
    return sites


def _site(row: ImageRow, found: DetectionRow, edit: RemovalRow | None, refill: Collection[str]) -> Site:
    boxes = detected_boxes(found)
    removed = [] if edit is None else sorted(edit.removed)
    unsure = np.delete(boxes, removed, axis=0)  # found, but with too little confidence to be removed
    standing, boxes = standing_boxes(row, found), boxes[removed]
    left = left_over(row, boxes) + _boxes(unsure) + legs(row, standing, boxes)
    source, path = (row.source, row.path) if edit is None else (RESULTS, edit.path)
    filled = None if edit is None else edit.mask
    mask = filled if edit is not None and edit.backend in refill else None
    gone = (
        boxes_mask(_boxes(boxes), row.height, row.width)
        if filled is None
        else rle.decode(filled, row.height, row.width)
    )
    painted = float((boxes_mask(left, row.height, row.width) | gone).mean())
    return Site(row, source, path, standing, is_guess(row, found), left, mask, painted)


def left_over(row: ImageRow, removed: np.ndarray) -> tuple[Box, ...]:
    """Return boxes of the annotated people and groups of a photograph that are in none of the (N, 4) removed boxes."""
    heads = np.array([(point["x"], point["y"]) for point in row.points or []], float).reshape(-1, 2)
    low, high = removed[:, :2], removed[:, :2] + removed[:, 2:]
    inside = np.any(((heads[:, None] >= low) & (heads[:, None] <= high)).all(axis=2), axis=1)
    known = row.points or []
    bodies = body_boxes(known, row.width, row.height, HEAD_TO_BODY)
    groups = [person["full"] or person["visible"] or person["head"] for person in row.people or [] if person["ignore"]]
    return tuple(
        [body for body, gone in zip(bodies, inside.tolist(), strict=True) if not gone]
        + [group for group in groups if group is not None]
    )


def legs(row: ImageRow, standing: np.ndarray, removed: np.ndarray) -> tuple[Box, ...]:
    """Return boxes from the lower end of (N, 4) removed boxes to where the ground plane says that the feet must be.

    With a head at row t the feet are on row f where f - t = slope (f - horizon). Only boxes clearly too short have one.
    """
    plane = plane_of(row, standing)
    if plane is None or plane.slope > STEEPEST:
        return ()
    tall = plane.slope * (removed[:, 1] - plane.horizon) / (1 - plane.slope)
    short = (removed[:, 3] < SHORT * tall) & (tall <= LONGEST * removed[:, 3])
    ends = removed[:, 1] + removed[:, 3]
    below = np.stack([removed[:, 0], ends, removed[:, 2], removed[:, 1] + tall - ends], axis=1)
    return _boxes(below[short & (ends < row.height)])


def boxes_mask(boxes: tuple[Box, ...], height: int, width: int) -> np.ndarray:
    """Return the (height, width) bool mask of boxes, each grown a little."""
    mask = np.zeros((height, width), bool)
    for box in boxes:
        aside, above = GROWN * box["w"], GROWN * box["h"]
        left, top = round(box["x"] - aside), round(box["y"] - above)
        right, bottom = round(box["x"] + box["w"] + aside), round(box["y"] + box["h"] + above)
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    return mask


def _boxes(boxes: np.ndarray) -> tuple[Box, ...]:
    return tuple(Box(x=x, y=y, w=w, h=h) for x, y, w, h in boxes.tolist())
