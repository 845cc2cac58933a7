"""All that is known of the synthesised images, joined: request, exact count, what was seen, what it looks like."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from throng.calibration.buckets import Bucket
from throng.errors import ThrongError
from throng.manifest import OK, read_table
from throng.tables import prompts, synthetic, synthetic_counts
from throng.tables.synthetic_counts import PHOTOGRAPH, SYNTHETIC

MEASURES = ("detected", "predicted")
SYNTHETIC_COLUMNS = [
    "id", "prompt_id", "maker", "requested", "density", "count", "path", "redistributable", "status", "reason",
]  # fmt: skip
Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Shown:
    """A synthesised image; ``reason`` says why there is none, or why nobody could look at it (``looked`` is False)."""

    id: str
    bucket: Bucket
    exact: int | None
    detected: int | None
    predicted: float | None
    score: float | None
    path: str
    text: str
    redistributable: bool
    made: bool
    looked: bool
    reason: str

    @property
    def seen(self) -> float | None:
        """Return how many people are seen: by the detector, else by the counter."""
        return self.detected if self.detected is not None else self.predicted


@dataclasses.dataclass(frozen=True)
class Known:
    """An image of known count that was looked at in the same way; ``group`` is its maker, or photograph."""

    group: str
    count: int
    detected: int | None
    predicted: float | None


@dataclasses.dataclass(frozen=True)
class Gathered:
    """Synthesised images by rising id with their features (N, D), zeros where nobody looked, and images of known count.

    ``fingerprints`` is (N,) uint64; ``known_vectors`` (K, D) belongs to ``known``.
    """

    images: Sequence[Shown]
    vectors: np.ndarray
    fingerprints: np.ndarray
    known: Sequence[Known]
    known_vectors: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """Return (N,) float64 values of a column of the images, NaN where unknown."""
        return np.array([_number(getattr(image, name)) for image in self.images], np.float64)

    def known_column(self, name: str) -> np.ndarray:
        """Return (K,) float64 values of a column of the images of known count, NaN where unknown."""
        return np.array([_number(getattr(image, name)) for image in self.known], np.float64)

    def buckets(self, among: np.ndarray) -> dict[Bucket, np.ndarray]:
        """Return the indices, rising, of the images of every bucket where (N,) bool ``among`` says so."""
        found: dict[Bucket, list[int]] = {}
        for index in np.flatnonzero(among).tolist():
            found.setdefault(self.images[index].bucket, []).append(index)
        return {bucket: np.array(found[bucket]) for bucket in sorted(found)}


def gather(
    prompt_file: Path, synthetic_files: Sequence[Path], count_files: Sequence[Path], score_file: Path | None
) -> Gathered:
    """Join the tables; raises ThrongError when a prompt or a count is missing, or the features differ in length."""
    asked = read_table(prompt_file, prompts.TABLE, ["id", "count", "density", "fewest", "most", "text"]).to_pylist()
    requests = {record["id"]: record for record in asked}
    made = read_table(synthetic_files, synthetic.TABLE, SYNTHETIC_COLUMNS).sort_by("id").to_pylist()
    counted = read_table(count_files, synthetic_counts.TABLE).sort_by(
        [(name, "ascending") for name in ("origin", "id")]
    )
    vectors, width = _vectors(counted)
    seen = counted.drop_columns(["features"]).to_pylist()
    rows = {record["id"]: index for index, record in enumerate(seen) if record["origin"] == SYNTHETIC}
    _check({record["id"] for record in made}, set(rows))
    scores = _scores(score_file) if score_file else {}
    images = [_shown(record, requests, seen[rows[record["id"]]], scores) for record in made]
    places = [rows[record["id"]] for record in made]
    known = _known(seen)
    return Gathered(
        images=images,
        vectors=vectors[places].reshape(-1, width),
        fingerprints=np.array([seen[place]["fingerprint"] for place in places], np.uint64),
        known=[Known(_group(seen[p]), seen[p]["known"], seen[p]["detected"], seen[p]["predicted"]) for p in known],
        known_vectors=vectors[known].reshape(-1, width),
    )


def _vectors(counted: pa.Table) -> tuple[np.ndarray, int]:
    """Return (N, D) float32 features, zeros where an image has none, and D."""
    column: Any = counted["features"].combine_chunks()
    lengths = np.diff(column.offsets.to_numpy())
    widths = np.unique(lengths[lengths > 0])
    if len(widths) > 1:
        raise ThrongError(f"table synthetic_counts: features of {len(widths)} lengths; rerun stage 'count_synthetic'")
    width = int(widths[0]) if len(widths) else 0
    made = np.zeros((len(counted), width), np.float32)
    made[lengths > 0] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return made, width


def _check(made: set[str], counted: set[str]) -> None:
    if made != counted:
        name = sorted(made ^ counted)[0]
        where = "count_synthetic" if name in made else "synthesize"
        raise ThrongError(f"image {name} is in one of the tables synthetic and synthetic_counts only; rerun {where!r}")


def _shown(record: Record, requests: Mapping[str, Record], seen: Record, scores: Mapping[str, float]) -> Shown:
    request = requests.get(record["prompt_id"])
    if request is None:
        raise ThrongError(f"image {record['id']} is of prompt {record['prompt_id']}, which is not in table prompts")
    made, looked = record["status"] == OK, seen["status"] == OK
    label = str(request["count"]) if request["count"] is not None else request["density"]
    return Shown(
        id=record["id"],
        bucket=Bucket(record["maker"], request["fewest"], request["most"], label),
        exact=record["count"] if made else None,
        detected=seen["detected"],
        predicted=seen["predicted"],
        score=scores.get(record["id"]),
        path=record["path"],
        text=request["text"],
        redistributable=record["redistributable"],
        made=made,
        looked=looked,
        reason=record["reason"] if not made else seen["reason"],
    )


def _known(seen: Sequence[Record]) -> list[int]:
    """Return the rows of images of known count, a photograph once however many makers it is a reference for."""
    first: dict[tuple[str, str], int] = {}
    for index, record in enumerate(seen):
        if record["status"] == OK and record["known"] is not None:
            first.setdefault((record["origin"], record["id"]), index)
    return list(first.values())


def _group(record: Record) -> str:
    return PHOTOGRAPH if record["origin"] == PHOTOGRAPH else record["maker"]


def _scores(path: Path) -> dict[str, float]:
    try:
        table = pq.read_table(path, columns=["id", "score"])
        ids, values = table["id"].to_pylist(), table["score"].cast(pa.float64()).to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise ThrongError(f"calibrate_counts.scores: {path} is no Parquet file with id and score ({error})") from error
    if len(set(ids)) < len(ids):
        raise ThrongError(f"calibrate_counts.scores: {path} names an image more than once")
    return {name: value for name, value in zip(ids, values, strict=True) if value is not None and np.isfinite(value)}


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
