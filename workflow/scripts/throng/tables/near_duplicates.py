"""Table ``near_duplicates``: images that were found again in a split, or a test set, that must not be learnt from."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column

LEAK = "leak"
ALIKE = "alike"
TEST_SET = "test_set"


@dataclasses.dataclass(frozen=True, slots=True)
class NearDuplicateRow:
    """One image and the held-out image that it looks like; see SCHEMA."""

    table: str
    id: str
    source: str
    path: str
    split: str
    scene: str
    other_table: str
    other_id: str
    other_source: str
    other_path: str
    other_split: str
    other_scene: str
    identical: bool
    mirrored: bool
    bits: int
    similarity: float | None
    agreement: float | None
    overlap: float | None
    verdict: str


SCHEMA = pa.schema(
    [
        column("table", pa.string(), "table of the image: images, synthetic or gan_samples"),
        column("id", pa.string(), "id of the image in that table"),
        column("source", pa.string(), "source of the photograph; results for a made image"),
        column("path", pa.string(), "path of the image below its source's root or the results folder"),
        column("split", pa.string(), "split of the image: train or val"),
        column("scene", pa.string(), "scene group of the image; empty where it has none"),
        column("other_table", pa.string(), "images, synthetic, gan_samples, or test_set for a known test set"),
        column("other_id", pa.string(), "id of the held-out image: first 16 hex digits of the sha256 in a test set"),
        column("other_source", pa.string(), "source of the held-out image, or name of the known test set"),
        column("other_path", pa.string(), "path of the held-out image below its root"),
        column("other_split", pa.string(), "split of the held-out image: val or test, held out more than split"),
        column("other_scene", pa.string(), "scene group of the held-out image; empty where it has none"),
        column("identical", pa.bool_(), "whether both files hold the same bytes"),
        column("mirrored", pa.bool_(), "whether they look alike when one is mirrored left to right"),
        column("bits", pa.int32(), "bits, of 64, in which the nearest perceptual hashes of the two differ"),
        column(
            "similarity",
            pa.float64(),
            "cosine of the encoder's features; null where no encoder is named",
            nullable=True,
        ),
        column(
            "agreement",
            pa.float64(),
            "correlation of grey values where both show the same, one laid over the other; null: not laid over",
            nullable=True,
        ),
        column(
            "overlap",
            pa.float64(),
            "share of the larger area of the two that both show; null: not laid over",
            nullable=True,
        ),
        column("verdict", pa.string(), "leak: a copy; alike: hash or features are near, but the pictures differ"),
    ]
)

TABLE = Table(
    "near_duplicates",
    1,
    SCHEMA,
    key=("table", "id", "source", "path", "other_table", "other_id", "other_source", "other_path"),
    stage="audit_leakage",
)
