"""Columns of a release's Parquet shards, without pixels: what a dataset needs to know before it asks for a sample."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line

BATCH_ROWS = 65_536


def read_columns(paths: Sequence[Path], columns: Sequence[str]) -> pa.Table:
    """Return columns of all rows; raises ThrongError for a file that cannot be read or lacks one of them."""
    return pa.concat_tables(_table(path, columns) for path in paths)


def has_column(paths: Sequence[Path], column: str) -> bool:
    """Tell whether the first file has a column."""
    return column in _opened(paths[0]).schema_arrow.names


def ids_with(paths: Sequence[Path], column: str) -> np.ndarray:
    """Return the ids, as ASCII bytes, of the rows whose ``column`` is not null; values are looked at in batches."""
    found = [np.empty(0, "S1")]
    for path in paths:
        file = _opened(path)
        _check(path, file, ["id", column])
        with _readable(path):
            for batch in file.iter_batches(BATCH_ROWS, columns=["id", column]):
                known = batch.column("id").filter(batch.column(column).is_valid())
                found.append(np.array(known.to_pylist(), "S"))
    return np.concatenate(found)


def _table(path: Path, columns: Sequence[str]) -> pa.Table:
    file = _opened(path)
    _check(path, file, columns)
    with _readable(path):
        return file.read(columns=list(columns))


def _opened(path: Path) -> pq.ParquetFile:
    with _readable(path):
        return pq.ParquetFile(path, memory_map=True)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: cannot be read ({first_line(error)}); fetch it again and check it with throng verify"
        ) from error


def _check(path: Path, file: pq.ParquetFile, columns: Sequence[str]) -> None:
    if missing := sorted(set(columns) - set(file.schema_arrow.names)):
        raise ThrongError(f"{path}: no column {missing[0]!r}; check the release with throng verify")
