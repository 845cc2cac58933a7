"""Table ``ladder_predictions``: what every run of every rung says of every measured photograph, beside the truth."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class LadderRow:
    """One run's count of one photograph; see SCHEMA."""

    rung: str
    run: str
    id: str
    source: str
    split: str
    count: int
    predicted: float


SCHEMA = pa.schema(
    [
        column("rung", pa.string(), "name of the rung in section ladder"),
        column("run", pa.string(), "which of its trainings: seed-1, seed-2, ...; only, where nothing is drawn"),
        column("id", pa.string(), "id of the image in table images"),
        column("source", pa.string(), "source of the image"),
        column("split", pa.string(), "val or test"),
        column("count", pa.int32(), "annotated people"),
        column("predicted", pa.float64(), "predicted people"),
    ]
)

TABLE = Table("ladder_predictions", 1, SCHEMA, key=("rung", "run", "id"), stage="ladder")
