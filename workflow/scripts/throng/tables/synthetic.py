"""Table ``synthetic``: synthesised images, one row per prompt and maker."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column
from throng.tables.images import BOX, POINT, Box, Point


@dataclasses.dataclass(frozen=True, slots=True)
class SyntheticRow:
    """One synthesised image; see SCHEMA."""

    id: str
    prompt_id: str
    maker: str
    requested: int | None
    density: str
    count: int | None
    points: list[Point] | None
    boxes: list[Box] | None
    masks: list[str] | None
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
    options: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of maker and prompt"),
        column("prompt_id", pa.string(), "id of the prompt in table prompts"),
        column("maker", pa.string(), "name of the maker in section synthesize"),
        column(
            "requested", pa.int32(), "requested number of people; null where a density was requested", nullable=True
        ),
        column("density", pa.string(), "requested density: none, sparse or dense; empty where a count was requested"),
        column(
            "count",
            pa.int32(),
            "people in the image, exactly; null where the maker cannot know, or rejected",
            nullable=True,
        ),
        column(
            "points",
            pa.list_(POINT),
            "head points, 0-based pixels; null when the maker cannot know",
            nullable=True,
        ),
        column(
            "boxes",
            pa.list_(BOX),
            "visible boxes, pixels, in the points' order; null when unknown",
            nullable=True,
        ),
        column(
            "masks",
            pa.list_(pa.string()),
            "COCO run-length strings of each person's visible pixels, in the points' order; null when unknown",
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
        column("licence", pa.string(), "licence of the image, the strictest among its parents and its model"),
        column("redistributable", pa.bool_(), "whether the terms of every parent and model allow passing it on"),
        column("backend", pa.string(), "synthesizer that made the row"),
        column("options", pa.string(), "the backend's options as JSON: model, steps, ...; empty when none"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("synthetic", 2, SCHEMA, key=("id",), stage="synthesize")
