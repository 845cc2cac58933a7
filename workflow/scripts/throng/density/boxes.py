"""The boxes that tell how tall people appear in a photograph: whole bodies, as far as anybody knows."""

import numpy as np

from throng.tables.detections import DetectionRow
from throng.tables.images import Box, ImageRow

BOXES_OF_HEADS = "annotations"  # this detector guesses boxes where the source marks heads only
FARTHEST_PX = 1e6  # no box ends beyond; NaN and infinity neither
FRAME_GAP = 2.0  # pixels between a box and the frame: nearer, the person may be cut off


def is_guess(row: ImageRow, found: DetectionRow) -> bool:
    """Tell whether the boxes of a photograph were only guessed from head points."""
    return found.backend == BOXES_OF_HEADS and row.people is None


def detected_boxes(found: DetectionRow) -> np.ndarray:
    """Return (N, 4) x, y, w, h of the detected people, in their order."""
    return np.array([(p["x"], p["y"], p["w"], p["h"]) for p in found.people], float).reshape(-1, 4)


def standing_boxes(row: ImageRow, found: DetectionRow) -> np.ndarray:
    """Return (N, 4) x, y, w, h of whole people: annotated full boxes, else the detected ones within the frame."""
    full = [person["full"] for person in row.people or [] if not person["ignore"] and person["full"] is not None]
    if full:
        return np.array([(box["x"], box["y"], box["w"], box["h"]) for box in full], float)
    return within_frame(detected_boxes(found), row.height)


def within_frame(boxes: np.ndarray, height: int) -> np.ndarray:
    """Return those of (N, 4) boxes that end above the lower edge of the image: their feet are in it."""
    return boxes[boxes[:, 1] + boxes[:, 3] < height - FRAME_GAP]


def stacked(boxes: list[Box | None]) -> np.ndarray:
    """Return (N, 4) x, y, w, h, NaN for a box that is missing or bad; see :func:`usable`."""
    rows = [(np.nan,) * 4 if box is None else (box["x"], box["y"], box["w"], box["h"]) for box in boxes]
    array = np.array(rows, float).reshape(-1, 4)
    array[~usable(array)] = np.nan
    return array


def usable(boxes: np.ndarray) -> np.ndarray:
    """Return (N,) bool: which of (N, 4) boxes x, y, w, h have an area, and numbers that an image can have."""
    return np.asarray((np.abs(boxes) < FARTHEST_PX).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))


def feet_show(boxes: np.ndarray) -> np.ndarray:
    """Return (N,) bool: whose feet no nearer person's box covers, for (N, 4) boxes x, y, w, h of what is seen."""
    left, top, wide, tall = boxes.T
    bottom, middle = top + tall, left + wide / 2
    covers = (left <= middle[:, None]) & (middle[:, None] <= left + wide)
    covers &= (top <= bottom[:, None]) & (bottom > bottom[:, None])
    return ~covers.any(axis=1)
