"""Table ``audit``: every ranked pair beside the truth, one row per pair."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class AuditRow:
    """One audited pair; see SCHEMA."""

    id: str
    parent_id: str
    kind: str
    relation: str
    backend: str
    source: str
    split: str
    scene: str
    delta: int | None
    true_photograph: int | None
    true_more: int | None
    true_fewer: int | None
    true_delta: int | None
    correct: bool | None
    cause: str
    detector_more: int | None
    detector_fewer: int | None
    detector_correct: bool | None
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id of the pair in table ranked_pairs"),
        column("parent_id", pa.string(), "id of the photograph both members come from"),
        column("kind", pa.string(), "kind of the pair"),
        column("relation", pa.string(), "what the pair claims: more, at-least or equal"),
        column("backend", pa.string(), "remover that made the edited members; empty when none is edited"),
        column("source", pa.string(), "source of the photograph"),
        column("split", pa.string(), "train, val or test"),
        column("scene", pa.string(), "scene group of the photograph"),
        column("delta", pa.int32(), "recorded difference in people; null when only the order is", nullable=True),
        column("true_photograph", pa.int32(), "head points of the photograph; null when unlabelled", nullable=True),
        column("true_more", pa.int32(), "head points that the first still shows; null when unaudited", nullable=True),
        column("true_fewer", pa.int32(), "head points that the second still shows; null when unaudited", nullable=True),
        column("true_delta", pa.int32(), "true_more - true_fewer; null when unaudited", nullable=True),
        column(
            "correct", pa.bool_(), "whether the claim holds for the true counts; null when unaudited", nullable=True
        ),
        column("cause", pa.string(), "why the claim does not hold; empty when it does, or when unaudited"),
        column(
            "detector_more", pa.int32(), "people the check's detector sees in the first; null unchecked", nullable=True
        ),
        column(
            "detector_fewer",
            pa.int32(),
            "people the check's detector sees in the second; null unchecked",
            nullable=True,
        ),
        column(
            "detector_correct",
            pa.bool_(),
            "whether the claim holds for the detector's counts; null unchecked",
            nullable=True,
        ),
        column("status", pa.string(), "ok: audited against the truth; rejected: not"),
        column("reason", pa.string(), "why a pair was not audited, empty otherwise"),
    ]
)

TABLE = Table("audit", 1, SCHEMA, key=("id",), stage="audit_pairs")
