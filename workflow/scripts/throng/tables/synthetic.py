"""Table ``synthetic``: synthesised images, one row per prompt."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column
from throng.tables.images import BOX, POINT, Box, Point


@dataclasses.dataclass(frozen=True, slots=True)
class SyntheticRow:
    """One synthesised image; see SCHEMA."""

    id: str
    requested: int
    count: int
    points: list[Point] | None
    boxes: list[Box] | None
    path: str
    sha256: str
    width: int
    height: int
    split: str
    scene: str
    background_id: str
    parents: list[str]
    licence: str
    redistributable: bool
    backend: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id of the prompt in table prompts"),
        column("requested", pa.int32(), "requested number of people"),
        column(
            "count",
            pa.int32(),
            "people in the image: exact for a compositor, the request for a prompted model",
        ),
        column(
            "points",
            pa.list_(POINT),
            "head points, 0-based pixels; null when the backend cannot know",
            nullable=True,
        ),
        column(
            "boxes",
            pa.list_(BOX),
            "visible boxes, pixels, in the points' order; null when unknown",
            nullable=True,
        ),
        column(
            "path",
            pa.string(),
            "path below the results folder, through the chunk's .zip; empty when rejected",
        ),
        column("sha256", pa.string(), "sha256 of the image's file, hex; empty when rejected"),
        column("width", pa.int32(), "width, pixels; 0 when rejected"),
        column("height", pa.int32(), "height, pixels; 0 when rejected"),
        column("split", pa.string(), "train, val or test"),
        column("scene", pa.string(), "scene group: the background's"),
        column("background_id", pa.string(), "id of the emptied background's photograph; empty without one"),
        column("parents", pa.list_(pa.string()), "ids of all photographs whose pixels are in the image, sorted"),
        column("licence", pa.string(), "licence of the image, the strictest among its parents"),
        column("redistributable", pa.bool_(), "whether every parent's terms allow passing the pixels on"),
        column("backend", pa.string(), "synthesizer that made the row"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("synthetic", 1, SCHEMA, key=("id",), stage="synthesize")
