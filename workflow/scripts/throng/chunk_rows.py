"""Reads some rows out of a whole table, those of a chunk or of given ids: memory follows them, not the data set."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from throng.chunks import HASHED, parse_part
from throng.errors import ThrongError, first_line
from throng.manifest import Table, check_part

Row = TypeVar("Row")
Choice = Callable[[Path, pa.RecordBatch], pa.RecordBatch]
BATCH_ROWS = 16_384
NONE = 255  # a character that is no hexadecimal digit
VALUES = np.array([int(chr(code), 16) if chr(code) in "0123456789abcdef" else NONE for code in range(256)], np.uint8)
SHIFTS = np.arange(4 * (HASHED - 1), -1, -4, dtype=np.uint32)


def read_chunk(paths: Path | Sequence[Path], table: Table, row_type: type[Row], part: str) -> list[Row]:
    """Read the rows whose id belongs to the chunk ``part``, whatever their status, in key order; without id to none.

    Memory is that of the chunk and of one batch of rows. Raises ThrongError naming the stage to rerun for a file that
    is no such table, or an id that is not hexadecimal.
    """
    index, of = parse_part(part)

    def chosen(path: Path, batch: pa.RecordBatch) -> pa.RecordBatch:
        return _of_chunk(batch, path, table, index, of)

    return _read(paths, table, row_type, chosen)


def read_named(paths: Path | Sequence[Path], table: Table, row_type: type[Row], ids: Collection[str]) -> list[Row]:
    """Read the rows whose id is among ``ids``, whatever their status, in key order, memory as :func:`read_chunk`.

    Raises ThrongError naming the stage to rerun for a file that is no such table.
    """
    wanted = pc.field("id").isin(pa.array(sorted(ids), pa.string()))
    return _read(paths, table, row_type, lambda _, batch: batch.filter(wanted))


def _read(paths: Path | Sequence[Path], table: Table, row_type: type[Row], chosen: Choice) -> list[Row]:
    files = [paths] if isinstance(paths, Path) else list(paths)
    if not files:
        raise ThrongError(f"table {table.name!r}: no part was given to read; run stage {table.stage!r}")
    batches = [batch for file in files for batch in _batches(file, table, chosen)]
    data = pa.Table.from_batches(batches, schema=table.schema)
    data = data.sort_by([(name, "ascending") for name in table.key])
    return [row_type(**record) for record in data.to_pylist()]


def _batches(path: Path, table: Table, chosen: Choice) -> list[pa.RecordBatch]:
    check_part(path, table)
    try:
        with pq.ParquetFile(path) as file:
            found = [chosen(path, batch) for batch in file.iter_batches(BATCH_ROWS)]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: damaged ({first_line(error)}); delete it and rerun stage {table.stage!r}"
        ) from error
    return [pa.RecordBatch.from_arrays(batch.columns, schema=table.schema) for batch in found if batch.num_rows]


def _of_chunk(batch: pa.RecordBatch, path: Path, table: Table, index: int, of: int) -> pa.RecordBatch:
    ids = batch.column("id").to_numpy(zero_copy_only=False)
    named = ids != ""  # an image that could not be read has no hash
    mine = np.zeros(len(ids), bool)
    try:
        mine[named] = hashes(ids[named]) % of == index
    except ValueError as error:
        raise ThrongError(f"{path}: {error}; rerun stage {table.stage!r}") from error
    return batch.filter(pa.array(mine))


def hashes(ids: np.ndarray) -> np.ndarray:
    """Return the number in the first eight hexadecimal digits of each id, uint32; raises ValueError where none are."""
    digits = np.array([text[:HASHED].encode() for text in ids], f"S{HASHED}")
    codes = np.frombuffer(digits.tobytes(), np.uint8).reshape(len(digits), HASHED)
    nibbles = VALUES[codes]
    if (wrong := (nibbles == NONE).any(axis=1)).any():
        raise ValueError(f"id {ids[int(wrong.argmax())]!r} does not begin with {HASHED} hexadecimal digits")
    return (nibbles.astype(np.uint32) << SHIFTS).sum(axis=1, dtype=np.uint32)
