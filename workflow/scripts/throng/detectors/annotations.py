"""Backend ``annotations``: the boxes that came with the source, or bodies below its head points."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from throng.detectors.body import body_boxes
from throng.detectors.protocol import Detector, Found, Photograph
from throng.sections.detectors import Annotations
from throng.tables.detections import Detection
from throng.tables.images import Box, ImageRow, Person


def make(config: Annotations, model: Path | None, scratch: Path) -> Detector:
    """Return the detector; it needs no weights and writes nothing."""
    del model, scratch
    return AnnotationDetector(config)


class AnnotationDetector:
    """Takes every annotated person that is not marked ``ignore`` and lies in the frame, with confidence 1."""

    batch = 64
    reads_pixels = False
    model: Mapping[str, str] | None = None

    def __init__(self, config: Annotations) -> None:
        self._config = config

    def prepare(self, photograph: Photograph) -> Photograph:
        """Return the photograph: there is nothing to prepare."""
        return photograph

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        """Return the annotated people of each photograph; an unlabelled one is rejected."""
        return [self._one(photograph.row) for photograph in photographs]

    def _one(self, row: ImageRow) -> Found:
        if row.people is not None:
            chosen = [self._box(person) for person in row.people if not person["ignore"]]
            boxes = [box for box in chosen if box is not None]
            if len(boxes) < len(chosen):
                lacking = len(chosen) - len(boxes)
                return Found([], f"boxes: {lacking} annotated people have neither a visible nor a full box")
        elif row.points is not None:
            boxes = body_boxes(row.points, row.width, row.height, self._config.head_to_body)
        else:
            return Found([], "unlabelled: the source has neither boxes nor head points; use detect.backend ultralytics")
        if not all(math.isfinite(value) for box in boxes for value in (box["x"], box["y"], box["w"], box["h"])):
            return Found([], "boxes: a coordinate is not a finite number")
        clipped = [_clip(box, row.width, row.height) for box in boxes]
        return Found([person for person in clipped if person is not None])

    def _box(self, person: Person) -> Box | None:
        first, second = ("visible", "full") if self._config.box == "visible" else ("full", "visible")
        return person[first] or person[second]


def _clip(box: Box, width: int, height: int) -> Detection | None:
    left, top = max(box["x"], 0.0), max(box["y"], 0.0)
    right, bottom = min(box["x"] + box["w"], float(width)), min(box["y"] + box["h"], float(height))
    if right <= left or bottom <= top:
        return None
    return Detection(x=left, y=top, w=right - left, h=bottom - top, score=1.0, mask=None)
