"""Table ``synthetic_counts``: how many people a detector and a counter see, and what an image looks like.

Beside every synthesised image it has labelled photographs, counted in the same way, which show how those two err.
"""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column

SYNTHETIC, PHOTOGRAPH = "synthetic", "photograph"


@dataclasses.dataclass(frozen=True, slots=True)
class SyntheticCountRow:
    """What was seen in one image; see SCHEMA."""

    id: str
    origin: str
    maker: str
    known: int | None
    detected: int | None
    predicted: float | None
    features: list[float]
    fingerprint: int
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id in table synthetic, or of a photograph in table images"),
        column("origin", pa.string(), "synthetic or photograph"),
        column("maker", pa.string(), "maker of a synthetic image, and whose images a photograph is a reference for"),
        column("known", pa.int32(), "people in the image, where that is exactly known", nullable=True),
        column("detected", pa.int32(), "people that the detector sees; null without one", nullable=True),
        column("predicted", pa.float32(), "people that the trained counter sees; null without one", nullable=True),
        column("features", pa.list_(pa.float32()), "what the image looks like, unit length; empty when rejected"),
        column("fingerprint", pa.uint64(), "perceptual hash: images that look alike differ in few bits"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("synthetic_counts", 1, SCHEMA, key=("maker", "origin", "id"), stage="count_synthetic")
