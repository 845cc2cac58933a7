"""Table ``removals``: edited images, each with its recipe: who was removed, what was painted over, what came out."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column

CHAIN, SHAM, REDUCE, ENLARGE = "chain", "sham", "reduce", "enlarge"


@dataclasses.dataclass(frozen=True, slots=True)
class RemovalRow:
    """One edited image, or one photograph from which nothing could be made; see SCHEMA."""

    id: str
    parent_id: str
    recipe: str
    level: int
    base_id: str
    removed: list[int]
    removed_count: int | None
    detected_count: int
    areas: int
    mask: str | None
    seed: int
    attempts: int
    options: str
    count_before: int | None
    count_after: int | None
    residual: int | None
    hallucinated: int | None
    lost: int | None
    path: str
    sha256: str
    width: int
    height: int
    backend: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of the recipe: base, removed people, mask, seed, backend and its options"),
        column("parent_id", pa.string(), "id of the photograph in table images"),
        column(
            "recipe",
            pa.string(),
            "chain: people removed; sham: the same areas painted where nobody stands; "
            "reduce, enlarge: the whole image rendered again with fewer or more people",
        ),
        column(
            "level",
            pa.int32(),
            "place in the chain: level 1 keeps most people, each next level removes a superset; "
            "of a sham, the level whose areas it copies; else the number of the variant, from 1",
        ),
        column("base_id", pa.string(), "id of the image that was edited: the photograph, or the level before"),
        column(
            "removed",
            pa.list_(pa.int32()),
            "indices of the removed people in the image's row of table detections",
        ),
        column(
            "removed_count",
            pa.int32(),
            "people removed: the exact difference to the photograph; null when the whole image was rendered again",
            nullable=True,
        ),
        column("detected_count", pa.int32(), "people detected in the photograph"),
        column("areas", pa.int32(), "people-shaped areas painted over, those of earlier levels included"),
        column(
            "mask",
            pa.string(),
            "COCO run-length string of all pixels that may differ from the photograph; null: all may",
            nullable=True,
        ),
        column("seed", pa.uint64(), "the edit's own seed"),
        column("attempts", pa.int32(), "edits tried: 2 when the first one failed the check; 0 when none was made"),
        column("options", pa.string(), "the backend's options as JSON: model, prompts, steps, ...; empty when none"),
        column(
            "count_before",
            pa.int32(),
            "people that the check's detector sees in the photograph; null unchecked",
            nullable=True,
        ),
        column(
            "count_after",
            pa.int32(),
            "people that the check's detector sees in the edit; null unchecked",
            nullable=True,
        ),
        column("residual", pa.int32(), "people still seen where one was removed; null unchecked", nullable=True),
        column(
            "hallucinated",
            pa.int32(),
            "people seen where nobody stood in the photograph; null unchecked",
            nullable=True,
        ),
        column("lost", pa.int32(), "people who stay but are no longer seen; null unchecked", nullable=True),
        column(
            "path",
            pa.string(),
            "path below the results folder, through the chunk's .zip; empty when rejected",
        ),
        column("sha256", pa.string(), "sha256 of the edited image's file, hex; empty when rejected"),
        column("width", pa.int32(), "width, pixels; 0 when rejected"),
        column("height", pa.int32(), "height, pixels; 0 when rejected"),
        column("backend", pa.string(), "remover that made the row"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("removals", 2, SCHEMA, key=("parent_id", "recipe", "level"), stage="remove")
