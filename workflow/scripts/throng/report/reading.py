"""Reads a run's tables a few columns at a time, each row with the part it stands in, so that nothing large is held."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.manifest import Table, read_footer, read_table
from throng.tables import (
    calibrated_counts,
    density_labels,
    detections,
    gan_samples,
    images,
    predictions,
    prompts,
    ranked_pairs,
    removals,
    synthetic,
)

Record = dict[str, Any]

TABLES: dict[str, Table] = {
    module.TABLE.name: module.TABLE
    for module in (
        images,
        detections,
        removals,
        ranked_pairs,
        prompts,
        synthetic,
        calibrated_counts,
        density_labels,
        gan_samples,
        predictions,
    )
}
# the column that says which of a table's parts a row stands in
PART = "part of the table"


class Tables:
    """A run's tables, read from their parts when asked for."""

    def __init__(self, files: Callable[[str], Sequence[Path]]) -> None:
        self._files = files

    def has(self, name: str) -> bool:
        """Tell whether the run made the table."""
        return bool(self._files(name))

    def footers(self, name: str) -> list[Record]:
        """Return what made each part of a table."""
        return [read_footer(path) for path in self._files(name)]

    def read(self, name: str, columns: Sequence[str], nested: Sequence[str] = ()) -> pa.Table:
        """Return columns of a table and, as PART, the number of the part that each row stands in.

        ``nested`` names single fields of lists of structs, e.g. ``people.list.element.x``. Raises ThrongError naming
        the stage to rerun when a part is not of this version.
        """
        table = TABLES[name]
        parts = []
        for number, path in enumerate(self._files(name)):
            read_table(path, table, columns=list(table.key))  # of this version, or a sentence that says it is not
            part = pq.ParquetFile(path).read(columns=[*columns, *nested]).replace_schema_metadata(None)
            parts.append(part.append_column(PART, pa.array(np.full(part.num_rows, number, np.int32))))
        if not parts:
            raise ThrongError(f"table {name!r}: no part was given to read; run stage {table.stage!r}")
        return pa.concat_tables(parts).combine_chunks()


class Lookup:
    """Finds a table's rows by key, a page of them at a time; of equal keys the first."""

    def __init__(self, rows: pa.Table, key: str = "id") -> None:
        self._rows = rows
        self._place: dict[str, int] = {}
        for place, found in enumerate(rows[key].to_pylist()):
            self._place.setdefault(found, place)

    def find(self, keys: Sequence[str | None]) -> list[Record | None]:
        """Return the row of each key, None where the table has none."""
        places = [self._place.get(key) if key else None for key in keys]
        held = sorted({place for place in places if place is not None})
        found = dict(zip(held, self._rows.take(pa.array(held, pa.int64())).to_pylist(), strict=True))
        return [None if place is None else found[place] for place in places]

    def column(self, keys: Sequence[str | None], name: str) -> list[Any]:
        """Return one column's value for each key, None where the table has no such row."""
        values = self._rows[name].to_pylist()
        places = (self._place.get(key) if key else None for key in keys)
        return [None if place is None else values[place] for place in places]


def where(rows: pa.Table, column: str, value: str) -> pa.Table:
    """Return the rows that have a value in a column."""
    return rows.filter(pc.field(column) == value)


def ordered(rows: pa.Table, *columns: str) -> pa.Table:
    """Return the rows sorted by columns, rising."""
    return rows.sort_by([(name, "ascending") for name in columns])


def first_by_hash(rows: pa.Table, most: int, key: str = "id") -> pa.Table:
    """Return at most ``most`` rows: those of the smallest keys, which are hashes, so that the choice is a fair one."""
    return rows if rows.num_rows <= most else ordered(rows, key).slice(0, most)
