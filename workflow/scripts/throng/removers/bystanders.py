"""Who else may stand in a photograph: people not sure enough to be removed, and people whom only its labels know."""

from collections.abc import Sequence

from throng.detectors.body import body_boxes
from throng.sections.detectors import Annotations
from throng.tables.detections import Detection
from throng.tables.images import Box, ImageRow


def sure(people: Sequence[Detection], confidence: float) -> list[Detection]:
    """Return the people found with at least that confidence: the first ones, for people come by falling confidence."""
    return [person for person in people if person["score"] >= confidence]


def annotated(photograph: ImageRow) -> list[Detection]:
    """Return everybody whom the source's labels know, ignored regions too, or bodies below its head points."""
    if photograph.people is not None:
        boxes = [box for person in photograph.people for box in (person["full"], person["visible"]) if box]
    elif photograph.points is not None:
        size = photograph.width, photograph.height
        boxes = body_boxes(photograph.points, *size, Annotations().head_to_body)
    else:
        boxes = []
    return [_person(box) for box in boxes if _meets(box, photograph)]


def _meets(box: Box, photograph: ImageRow) -> bool:
    across = -box["w"] < box["x"] < photograph.width
    return across and -box["h"] < box["y"] < photograph.height


def _person(box: Box) -> Detection:
    return Detection(x=box["x"], y=box["y"], w=box["w"], h=box["h"], score=1.0, mask=None)
