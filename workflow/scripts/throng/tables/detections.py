"""Table ``detections``: the people found in each image, one row per image."""

import dataclasses
from typing import TypedDict

import pyarrow as pa

from throng.manifest import Table, column


class Detection(TypedDict):
    """One detected person: box in pixels, confidence, and the instance mask as COCO RLE where the model has one."""

    x: float
    y: float
    w: float
    h: float
    score: float
    mask: str | None


DETECTION = pa.struct(
    [
        *(pa.field(name, pa.float32(), nullable=False) for name in ("x", "y", "w", "h", "score")),
        pa.field("mask", pa.string()),
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class DetectionRow:
    """The people found in one image, best first."""

    id: str
    backend: str
    people: list[Detection]
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id of the image in table images"),
        column("backend", pa.string(), "detector that made the row"),
        column(
            "people",
            pa.list_(DETECTION),
            "people by falling confidence: box (pixels), score (0..1), COCO RLE mask or null",
        ),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("detections", 1, SCHEMA, key=("id",), stage="detect")
