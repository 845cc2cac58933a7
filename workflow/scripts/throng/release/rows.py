"""Which columns of a record changed between two releases."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from throng.release.difference import Changes, leaves
from throng.release.index import read_index
from throng.release.products import PRODUCTS


def changed_columns(old: Path, new: Path, records: Sequence[Changes]) -> dict[str, dict[str, list[str]]]:
    """Return "column: before -> after" of the example records that changed or moved, by product and id."""
    found: dict[str, dict[str, list[str]]] = {}
    for changes in records:
        ids = [row for fate in ("changed", "moved") for row in changes.examples.get(fate, ())]
        if not ids:
            continue
        before, after = (_rows(folder, changes.product, ids) for folder in (old, new))
        told = {row: list(_told(before.get(row, {}), after.get(row, {}))) for row in ids}
        found[changes.product] = {row: lines for row, lines in told.items() if lines}
    return found


def _rows(folder: Path, product: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return rows of a product or of its recipes without pixels, by id."""
    files = read_index(folder)["files"]
    shards = [str(folder / file["path"]) for file in files if (file["config"], file["format"]) == (product, "parquet")]
    images = PRODUCTS[product].images if product in PRODUCTS else {}
    rows: dict[str, dict[str, Any]] = {}
    for shard in shards:
        data = ds.dataset(shard, format="parquet")
        columns = [name for name in data.schema.names if name not in images]
        rows |= {row["id"]: row for row in data.to_table(columns, filter=ds.field("id").isin(list(ids))).to_pylist()}
    return rows


def _told(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[str]:
    for where, a, b in leaves(before, after, ""):
        yield f"{where.removeprefix('.')}: {a} -> {b}"
