"""Table ``density_labels``: how crowded each image is, as a score and a class."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class DensityLabelRow:
    """The density label of one image; see SCHEMA."""

    id: str
    table: str
    method: str
    count: float | None
    score: float | None
    density_class: int | None
    class_name: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id of the image"),
        column("table", pa.string(), "table that holds the image: images or synthetic"),
        column("method", pa.string(), "labelling method"),
        column(
            "count",
            pa.float64(),
            "people in the image, calibrated where they are not exactly known; null when rejected",
            nullable=True,
        ),
        column(
            "score",
            pa.float64(),
            "the method's continuous score (threshold: people); null when rejected",
            nullable=True,
        ),
        column("density_class", pa.int32(), "class, 0 the emptiest; null when rejected", nullable=True),
        column("class_name", pa.string(), "name of the class; empty when rejected"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("density_labels", 2, SCHEMA, key=("table", "id"), stage="label_density")
