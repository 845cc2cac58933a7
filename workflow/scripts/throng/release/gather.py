"""Rows of tables larger than memory, in any order: dealt into buckets of neighbouring places, put in order there.

A distribution sort with exact splitters (Knuth, The Art of Computer Programming 3, 5.4.8: external distribution): as
the place of every row is known beforehand, each bucket holds exactly ``size`` places, whatever the keys are.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from throng.release.arrow import optional

# neighbouring places that are put in order at once; more of them where there would be too many open files
SIZE = 8192
MOST_BUCKETS = 400
PLACE = "place"


class Buckets:
    """Rows with a place each, written in any order and read in the order of their places."""

    def __init__(self, folder: Path, schema: pa.Schema, places: int) -> None:
        self._folder, self._places = folder, places
        self._schema = schema.remove_metadata().append(pa.field(PLACE, pa.int64()))
        self.size = max(SIZE, -(-places // MOST_BUCKETS))
        self._held: list[pa.RecordBatch] = []
        self._writers: dict[int, pa.RecordBatchStreamWriter] = {}

    @property
    def _spills(self) -> bool:
        return self._places > self.size

    def add(self, rows: pa.RecordBatch, places: np.ndarray) -> None:
        """Add rows, each with its place: an int64 array of equal length; raises IndexError for a place outside."""
        if len(places) and not 0 <= places.min() <= places.max() < self._places:
            raise IndexError(f"places {places.min()} to {places.max()} are not among {self._places}")
        order = np.argsort(places, kind="stable")
        rows, places = rows.take(pa.array(order)), places[order]
        placed = pa.RecordBatch.from_arrays([*rows.columns, pa.array(places, pa.int64())], schema=self._schema)
        if not self._spills:
            self._held.append(placed)
            return
        buckets = places // self.size
        starts = np.flatnonzero(np.diff(buckets, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(places)], strict=True):
            self._writer(int(buckets[start])).write_batch(placed.slice(start, stop - start))

    def _writer(self, bucket: int) -> pa.RecordBatchStreamWriter:
        if bucket not in self._writers:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writers[bucket] = pa.ipc.new_stream(self._folder / f"{bucket:05d}.arrow", self._schema)
        return self._writers[bucket]

    def read(self) -> Iterator[pa.Table]:
        """Yield tables of ``size`` places each, the last of fewer; a place that nobody took is a row of nulls."""
        for writer in self._writers.values():
            writer.close()
        for start in range(0, self._places, self.size):
            yield self._ordered(start, min(self.size, self._places - start))
        self.close()

    def _ordered(self, start: int, places: int) -> pa.Table:
        found = self._bucket(start // self.size).combine_chunks()
        at = found.column(PLACE).to_numpy() - start
        row_at = np.full(places, -1, np.int64)
        row_at[at] = np.arange(len(at))
        return found.drop_columns([PLACE]).take(optional(row_at))

    def _bucket(self, bucket: int) -> pa.Table:
        if not self._spills:
            return pa.Table.from_batches(self._held, schema=self._schema)
        if bucket not in self._writers:
            return self._schema.empty_table()
        with pa.OSFile(str(self._folder / f"{bucket:05d}.arrow")) as file, pa.ipc.open_stream(file) as reader:
            return reader.read_all()

    def close(self) -> None:
        """Give back memory and disk."""
        for writer in self._writers.values():
            writer.close()
        self._held, self._writers = [], {}
        shutil.rmtree(self._folder, ignore_errors=True)


def gather(batches: Iterable[pa.RecordBatch], schema: pa.Schema, rows: np.ndarray, folder: Path) -> Iterator[pa.Table]:
    """Yield ``table.take(rows)`` in batches of neighbours, reading the table's batches once, in their order.

    ``rows`` is an int64 array of row numbers, any number of times each; below 0 stands for a row of nulls.
    """
    buckets = Buckets(folder, schema, len(rows))
    order = np.argsort(rows, kind="stable")
    wanted = rows[order]
    start = 0
    for batch in batches:
        first, last = np.searchsorted(wanted, (start, start + batch.num_rows))
        if first < last:
            buckets.add(batch.take(pa.array(wanted[first:last] - start)), order[first:last])
        start += batch.num_rows
    if len(wanted) and wanted[-1] >= start:
        raise IndexError(f"row {wanted[-1]} of {start}")
    yield from buckets.read()
