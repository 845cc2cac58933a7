"""Table ``predictions``: a counter's count of every evaluated image beside the truth."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class PredictionRow:
    """One counter's count of one image; see SCHEMA."""

    counter: str
    id: str
    source: str
    split: str
    count: int
    predicted: float


SCHEMA = pa.schema(
    [
        column("counter", pa.string(), "name of the counter"),
        column("id", pa.string(), "id of the image in table images"),
        column("source", pa.string(), "source of the image"),
        column("split", pa.string(), "train, val or test"),
        column("count", pa.int32(), "annotated people (number of points)"),
        column("predicted", pa.float64(), "predicted people (sum of the density map)"),
    ]
)

TABLE = Table("predictions", 1, SCHEMA, key=("counter", "id"), stage="evaluate")
