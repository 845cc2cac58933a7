"""Table ``images``: what ingestion found, one row per file, rejected ones included."""

import dataclasses
from collections.abc import Iterable
from typing import TypedDict

import numpy as np
import pyarrow as pa

from throng.manifest import Table, column


class Point(TypedDict):
    """A head point in 0-based pixels, origin at the centre of the top-left pixel."""

    x: float
    y: float


def point_array(points: Iterable[Point]) -> np.ndarray:
    """Return head points as an (N, 2) float64 array of x, y in pixels."""
    return np.array([(point["x"], point["y"]) for point in points], np.float64).reshape(-1, 2)


class Box(TypedDict):
    """A box in pixels: left, top, width, height; it may leave the frame."""

    x: float
    y: float
    w: float
    h: float


class Person(TypedDict):
    """One annotated person (or, when ``ignore``, a group or a thing like a person); None where the source is silent."""

    tag: str
    box_id: int | None
    head: Box | None
    visible: Box | None
    full: Box | None
    ignore: bool
    head_ignore: bool
    occluded: int | None
    unsure: int | None
    head_occluded: int | None
    head_unsure: int | None


POINT = pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)])
BOX = pa.struct([pa.field(name, pa.float64(), nullable=False) for name in "xywh"])
PERSON = pa.struct(
    [
        pa.field("tag", pa.string(), nullable=False),
        pa.field("box_id", pa.int64()),
        pa.field("head", BOX),
        pa.field("visible", BOX),
        pa.field("full", BOX),
        pa.field("ignore", pa.bool_(), nullable=False),
        pa.field("head_ignore", pa.bool_(), nullable=False),
        pa.field("occluded", pa.int32()),
        pa.field("unsure", pa.int32()),
        pa.field("head_occluded", pa.int32()),
        pa.field("head_unsure", pa.int32()),
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class ImageRow:
    """One ingested file; see SCHEMA for meanings and units."""

    id: str
    source: str
    path: str
    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    channels: int
    split: str
    scene: str
    licence: str
    redistributable: bool
    count: int | None
    points: list[Point] | None
    people: list[Person] | None
    erratum: str
    status: str
    reason: str
    focal_px: float | None = None


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "first 16 hex digits of the file's sha256; empty when it could not be read"),
        column("source", pa.string(), "name of the source in the configuration"),
        column("path", pa.string(), "path below the source's root; may run through a .zip"),
        column("sha256", pa.string(), "sha256 of the file, hex; empty when it could not be read"),
        column("bytes", pa.int64(), "file size, bytes"),
        column("format", pa.string(), "file format, e.g. jpeg; empty when unknown"),
        column("width", pa.int32(), "width as shown (EXIF orientation applied), pixels; 0 when unknown"),
        column("height", pa.int32(), "height as shown (EXIF orientation applied), pixels; 0 when unknown"),
        column("channels", pa.int32(), "channels in the file: 1 grey, 3 colour, 4 CMYK or alpha; 0 when unknown"),
        column("split", pa.string(), "train, val or test; empty where a rejected row has none"),
        column("scene", pa.string(), "scene group: never in both train and val, unless the source itself says so"),
        column("licence", pa.string(), "licence of the pixels, SPDX id or the source's own words"),
        column("redistributable", pa.bool_(), "whether the source's terms allow passing the pixels on"),
        column("count", pa.int32(), "people by annotation, null when unlabelled", nullable=True),
        column("points", pa.list_(POINT), "head points, 0-based pixels, null when unlabelled", nullable=True),
        column(
            "people",
            pa.list_(PERSON),
            "annotated boxes, pixels, null where the source has none",
            nullable=True,
        ),
        column("erratum", pa.string(), "what was corrected in the annotation; empty for nothing"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
        column(
            "focal_px",
            pa.float64(),
            "focal length by the file's EXIF, pixels of the image as shown; null when it says nothing",
            nullable=True,
        ),
    ]
)

TABLE = Table("images", 2, SCHEMA, key=("source", "path"), stage="ingest")
