"""Table ``removals``: edited images in chains, each with the people removed from its photograph."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class RemovalRow:
    """One edited image, or one photograph from which nothing could be removed; see SCHEMA."""

    id: str
    parent_id: str
    level: int
    removed: list[int]
    removed_count: int
    detected_count: int
    path: str
    sha256: str
    width: int
    height: int
    backend: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of the recipe: parent, removed people, seed, backend and its options"),
        column("parent_id", pa.string(), "id of the photograph in table images"),
        column(
            "level",
            pa.int32(),
            "place in the chain: level 1 keeps most people, each next level removes a superset",
        ),
        column(
            "removed",
            pa.list_(pa.int32()),
            "indices of the removed people in the image's row of table detections",
        ),
        column("removed_count", pa.int32(), "people removed: the exact difference to the photograph"),
        column("detected_count", pa.int32(), "people detected in the photograph"),
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

TABLE = Table("removals", 1, SCHEMA, key=("parent_id", "level"), stage="remove")
