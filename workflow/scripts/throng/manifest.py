"""Tables on disk: explicit schemas, atomic deterministic Parquet, validation, and the conservation check."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line
from throng.files import atomic_path
from throng.operations.counted import JOB
from throng.provenance import FOOTER_KEY, Provenance, canonical_json

OK = "ok"
REJECTED = "rejected"
ROW_GROUP_ROWS = 16_384

Row = TypeVar("Row")


@dataclasses.dataclass(frozen=True)
class Table:
    """A table's name, schema version, columns (with units in field metadata), key and the stage that makes it."""

    name: str
    version: int
    schema: pa.Schema
    key: tuple[str, ...]
    stage: str


def column(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = False) -> pa.Field:
    """Return a schema field whose metadata says what it means and in which unit."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": meaning})


def write_table(path: Path, table: Table, rows: Iterable[Any], provenance: Provenance) -> None:
    """Write frozen row objects as one Parquet file: sorted by key, atomic, equal input giving equal bytes.

    Raises ThrongError when a required value is missing, a key occurs twice or a rejected row has no reason.
    """
    names = table.schema.names
    rows = list(rows)
    records = [{name: getattr(row, name) for name in names} for row in rows]
    records.sort(key=lambda record: tuple(record[name] for name in table.key))
    data = pa.Table.from_pylist(records, schema=table.schema)
    _validate(data, table, str(path))
    footer = canonical_json(provenance.footer(table.name, table.version))
    data = data.replace_schema_metadata({FOOTER_KEY: footer.encode()})
    with atomic_path(path) as temporary:
        pq.write_table(
            data,
            temporary,
            compression="zstd",
            compression_level=3,
            row_group_size=ROW_GROUP_ROWS,
            write_page_index=True,
        )
    JOB.went_out(table.name, tally(rows) if "status" in names else {OK: len(rows)})


def _validate(data: pa.Table, table: Table, where: str) -> None:
    for field in table.schema:
        if not field.nullable and data.column(field.name).null_count:
            raise ThrongError(f"{where}: column {field.name!r} of table {table.name!r} must not be empty")
    keys = Counter(zip(*(data.column(name).to_pylist() for name in table.key), strict=True))
    twice = [key for key, times in keys.items() if times > 1]
    if twice:
        raise ThrongError(f"{where}: the key {dict(zip(table.key, twice[0], strict=True))} occurs more than once")
    if "status" in table.schema.names:
        status = data.column("status").to_pylist()
        unknown = set(status) - {OK, REJECTED}
        if unknown:
            raise ThrongError(f"{where}: status {sorted(unknown)} is neither {OK!r} nor {REJECTED!r}")
        reasons = data.column("reason").to_pylist()
        if any(s == REJECTED and not reason for s, reason in zip(status, reasons, strict=True)):
            raise ThrongError(f"{where}: a rejected row of table {table.name!r} has no reason")


def read_footer(path: Path) -> dict[str, Any]:
    """Return the provenance in a table's footer; raises ThrongError when the file is no table of throng."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: not a readable Parquet file ({first_line(error)}); delete it and run its stage again"
        ) from error
    if FOOTER_KEY not in metadata:
        raise ThrongError(f"{path}: carries no throng footer, so it is not a table that throng wrote")
    try:
        footer: dict[str, Any] = json.loads(metadata[FOOTER_KEY])
        return footer | {name: footer[name] for name in ("schema", "version", "stage", "config", "code", "parents")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ThrongError(f"{path}: its footer is damaged; delete it and run its stage again") from error


def read_table(paths: Path | Sequence[Path], table: Table, columns: list[str] | None = None) -> pa.Table:
    """Read one table from its parts, checked against its schema; raises ThrongError naming the stage to rerun."""
    files = [paths] if isinstance(paths, Path) else list(paths)
    if not files:
        raise ThrongError(f"table {table.name!r}: no part was given to read; run stage {table.stage!r}")
    return pa.concat_tables([_read_part(file, table, columns) for file in files])


def _read_part(path: Path, table: Table, columns: list[str] | None) -> pa.Table:
    check_part(path, table, columns)
    try:
        data = pq.read_table(path, columns=columns)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: damaged ({first_line(error)}); delete it and rerun stage {table.stage!r}"
        ) from error
    return data.replace_schema_metadata(None)


def check_part(path: Path, table: Table, columns: list[str] | None = None) -> None:
    """Raise ThrongError unless a file holds this version of a table, with its columns, or those named."""
    footer = read_footer(path)
    if (footer["schema"], footer["version"]) != (table.name, table.version):
        raise ThrongError(
            f"{path}: holds {footer['schema']} version {footer['version']}, expected {table.name} version "
            f"{table.version}; rerun stage {table.stage!r}"
        )
    found, names = pq.read_schema(path), columns or table.schema.names
    fields = [found.field(name) for name in names if name in found.names]
    if fields != [table.schema.field(name) for name in names] or (columns is None and found.names != names):
        raise ThrongError(f"{path}: its columns differ from table {table.name!r}; rerun stage {table.stage!r}")


def read_rows(paths: Path | Sequence[Path], table: Table, row_type: type[Row]) -> list[Row]:
    """Read a table as a list of its frozen row type, in key order."""
    data = read_table(paths, table)
    data = data.sort_by([(name, "ascending") for name in table.key])
    return [row_type(**record) for record in data.to_pylist()]


def check_conserved(stage: str, ids_in: Iterable[str], parents_out: Iterable[str]) -> None:
    """Raise ThrongError unless every row that came in is kept or rejected in what goes out."""
    wanted, made = set(ids_in), set(parents_out)
    JOB.came_in(stage, len(wanted))
    if wanted != made:
        lost, extra = sorted(wanted - made), sorted(made - wanted)
        raise ThrongError(
            f"stage {stage!r} loses rows: {len(wanted)} in, {len(made)} out; missing {lost[:3]}, "
            f"unexpected {extra[:3]}; "
            f"this is a bug in the stage, nothing was written"
        )


def tally(rows: Iterable[Any]) -> dict[str, int]:
    """Count rows as ``{"ok": n, "rejected: <reason>": m, ...}``, the numbers that the report and card print."""
    counts = Counter(OK if row.status == OK else f"{REJECTED}: {row.reason.split(':')[0]}" for row in rows)
    return dict(sorted(counts.items()))
