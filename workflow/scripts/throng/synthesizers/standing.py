"""The boxes that tell how tall people appear in a photograph: whole bodies, as far as anybody knows."""

import numpy as np

from throng.synthesizers.ground import GroundPlane, fit_ground_plane
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow

BOXES_OF_HEADS = "annotations"  # this detector guesses boxes where the source marks heads only
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
    boxes = detected_boxes(found)
    return boxes[boxes[:, 1] + boxes[:, 3] < row.height - FRAME_GAP]


def plane_of(row: ImageRow, boxes: np.ndarray) -> GroundPlane | None:
    """Return the ground plane of a photograph from its standing boxes, None where they do not determine it."""
    return fit_ground_plane(boxes[:, 1] + boxes[:, 3], boxes[:, 3], row.height)
