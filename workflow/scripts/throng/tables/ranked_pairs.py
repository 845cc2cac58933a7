"""Table ``ranked_pairs``: ordered pairs (more people, fewer people) with the exact difference."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class RankedPairRow:
    """One ordered pair; see SCHEMA."""

    id: str
    parent_id: str
    kind: str
    more_id: str
    more_source: str
    more_path: str
    fewer_id: str
    fewer_source: str
    fewer_path: str
    delta: int
    removed: list[int]
    weight: float
    split: str
    scene: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of both members' ids"),
        column("parent_id", pa.string(), "id of the photograph both members show"),
        column("kind", pa.string(), "real-edited (photograph against edit) or edited-edited"),
        column("more_id", pa.string(), "id of the member with more people"),
        column("more_source", pa.string(), "source of that member's pixels"),
        column("more_path", pa.string(), "path of that member's pixels in its source"),
        column("fewer_id", pa.string(), "id of the member with fewer people"),
        column("fewer_source", pa.string(), "source of that member's pixels"),
        column("fewer_path", pa.string(), "path of that member's pixels in its source"),
        column("delta", pa.int32(), "people in the first that the second lacks"),
        column("removed", pa.list_(pa.int32()), "their indices in the photograph's row of table detections"),
        column("weight", pa.float32(), "weight in training, 0..1"),
        column("split", pa.string(), "train, val or test: the photograph's"),
        column("scene", pa.string(), "scene group of the photograph"),
    ]
)

TABLE = Table("ranked_pairs", 1, SCHEMA, key=("id",), stage="rank_pairs")
