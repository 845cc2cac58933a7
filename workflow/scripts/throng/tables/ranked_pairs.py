"""Table ``ranked_pairs``: pairs of images ordered by their number of people, with the exact difference where known."""

import dataclasses
from typing import TypedDict

import pyarrow as pa

from throng.manifest import Table, column

MORE, AT_LEAST, EQUAL = "more", "at-least", "equal"


class Crop(TypedDict):
    """A window of an image, whole pixels."""

    x: int
    y: int
    w: int
    h: int


CROP = pa.struct([pa.field(name, pa.int32(), nullable=False) for name in ("x", "y", "w", "h")])


@dataclasses.dataclass(frozen=True, slots=True)
class RankedPairRow:
    """One pair; see SCHEMA."""

    id: str
    parent_id: str
    kind: str
    relation: str
    more_id: str
    more_source: str
    more_path: str
    more_crop: Crop | None
    fewer_id: str
    fewer_source: str
    fewer_path: str
    fewer_crop: Crop | None
    delta: int | None
    removed: list[int]
    weight: float
    split: str
    scene: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of both members' ids and crops"),
        column("parent_id", pa.string(), "id of the photograph both members come from"),
        column(
            "kind",
            pa.string(),
            "real-edited, edited-edited, sham-edited, sham-equal, nested-crop, real-reduced, enlarged-real or "
            "enlarged-reduced",
        ),
        column(
            "relation",
            pa.string(),
            "more: the first shows more people; at-least: as many or more; equal: as many, in no particular order",
        ),
        column("more_id", pa.string(), "id of the member with more people"),
        column("more_source", pa.string(), "source of that member's pixels"),
        column("more_path", pa.string(), "path of that member's pixels in its source"),
        column("more_crop", CROP, "window of that member, pixels; null: all of it", nullable=True),
        column("fewer_id", pa.string(), "id of the member with fewer people"),
        column("fewer_source", pa.string(), "source of that member's pixels"),
        column("fewer_path", pa.string(), "path of that member's pixels in its source"),
        column("fewer_crop", CROP, "window of that member, pixels; null: all of it", nullable=True),
        column(
            "delta",
            pa.int32(),
            "people in the first that the second lacks; null when only the order is known",
            nullable=True,
        ),
        column("removed", pa.list_(pa.int32()), "their indices in the photograph's row of table detections"),
        column("weight", pa.float32(), "weight in training, 0..1"),
        column("split", pa.string(), "train, val or test: the photograph's"),
        column("scene", pa.string(), "scene group of the photograph"),
    ]
)

TABLE = Table("ranked_pairs", 2, SCHEMA, key=("id",), stage="rank_pairs")
