"""A product's columns that repeat a table's must say what the table says."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.release.products import DENSITY_LABELLED, FIXED_COUNT, RANKED_PAIRS, REQUESTED_DENSITY
from throng.release.shards import Written


@dataclasses.dataclass(frozen=True)
class Repeat:
    """Columns of a product (left) that repeat columns of a table (right), rows matched by the columns of ``key``."""

    product: str
    table: str
    key: Mapping[str, str]
    columns: Mapping[str, str]


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


FINISHED = {"sha256"}
BY_ID = {"id": "id"}
REPEATS = (
    Repeat(
        FIXED_COUNT.name,
        "synthetic",
        BY_ID,
        _same("requested", "density", "points", "boxes", "masks", "split", "scene", "width", "height")
        | _same("background_id", "licence", "maker", "backend", "options"),
    ),
    Repeat(
        FIXED_COUNT.name,
        "calibrated_counts",
        BY_ID,
        {"count": "count", "count_std": "std", "count_exact": "exact", "weight": "weight"}
        | {"count_detected": "detected", "count_predicted": "predicted"},
    ),
    Repeat(
        DENSITY_LABELLED.name,
        "density_labels",
        {"table": "table", "id": "id"},
        {"density_class": "density_class", "density_class_name": "class_name", "density_score": "score"}
        | _same("scale"),
    ),
    *(
        Repeat(RANKED_PAIRS.name, "removals", {f"{side}_id": "id"}, {f"{side}_removed": "removed"})
        for side in ("more", "fewer")
    ),
    Repeat(
        REQUESTED_DENSITY.name,
        "gan_samples",
        BY_ID,
        _same(*(name for name in REQUESTED_DENSITY.fields.names if name not in FINISHED)),
    ),
)


def check_repeat(folder: Path, repeat: Repeat, files: Sequence[Written]) -> None:
    """Raise ThrongError naming the first row of a product that says other than the table it was taken from."""
    tables = [file.path for file in files if file.config == repeat.table]
    shards = [file for file in files if (file.config, file.format) == (repeat.product, "parquet")]
    if not tables or not shards:
        return
    table = pq.read_table(folder / tables[0], columns=_once(repeat.key.values(), repeat.columns.values()))
    places = {key: k for k, key in enumerate(_keys(table, repeat.key.values()))}
    for shard in shards:
        path = folder / shard.path
        rows = pq.read_table(path, columns=_once(repeat.key, repeat.columns))
        keys = _keys(rows, repeat.key)
        held = [k for k, key in enumerate(keys) if key in places]
        mine = rows.take(pa.array(held, pa.int64()))
        theirs = table.take(pa.array([places[keys[k]] for k in held], pa.int64()))
        for left, right in repeat.columns.items():
            a, b = mine[left].combine_chunks(), theirs[right].combine_chunks()
            if a.type != b.type or not a.equals(b):
                first = next(k for k, (x, y) in enumerate(zip(a, b, strict=True)) if x.as_py() != y.as_py())
                raise ThrongError(
                    f"{path}, row {'/'.join(keys[held[first]])}: {left} is {str(a[first])[:60]}, table {repeat.table} "
                    f"says {str(b[first])[:60]}"
                )


def _once(*names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(itertools.chain(*names)))


def _keys(rows: pa.Table, names: Iterable[str]) -> list[tuple[str, ...]]:
    return list(zip(*(rows[name].to_pylist() for name in names), strict=True))
