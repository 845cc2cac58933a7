"""Table ``calibrated_counts``: how many people a synthesised image really shows, as far as can be known."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class CalibratedCountRow:
    """What is known of one synthesised image's count; see SCHEMA."""

    id: str
    maker: str
    requested: int | None
    detected: int | None
    predicted: float | None
    rank_score: float | None
    agreement: float | None
    exact: bool
    count: float | None
    std: float | None
    weight: float
    prototype_distance: float | None
    duplicate_of: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id in table synthetic"),
        column("maker", pa.string(), "maker of the image"),
        column("requested", pa.int32(), "requested people; null where a density was requested", nullable=True),
        column("detected", pa.int32(), "people that the detector sees; null without one", nullable=True),
        column("predicted", pa.float32(), "people that the trained counter sees; null without one", nullable=True),
        column(
            "rank_score", pa.float32(), "score that the images of a bucket are ranked by; null: none", nullable=True
        ),
        column(
            "agreement",
            pa.float32(),
            "how well seen and requested agree: the smaller over the larger of the two plus one each; null unseen",
            nullable=True,
        ),
        column("exact", pa.bool_(), "whether the count is known from how the image was made"),
        column("count", pa.float32(), "calibrated number of people; the exact one where known", nullable=True),
        column("std", pa.float32(), "standard deviation of the count, people; 0 where exact", nullable=True),
        column("weight", pa.float32(), "weight in training, 0 to 1; 0 when rejected"),
        column(
            "prototype_distance", pa.float32(), "distance to the bucket's prototype, 0 to 2; null: none", nullable=True
        ),
        column("duplicate_of", pa.string(), "id of the kept image that it nearly repeats; empty when of none"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "which filter rejected the row and why, empty otherwise"),
    ]
)

TABLE = Table("calibrated_counts", 1, SCHEMA, key=("id",), stage="calibrate_counts")
