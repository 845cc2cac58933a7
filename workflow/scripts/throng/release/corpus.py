"""Everything one run made, table by table, and whether the tables belong together."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.manifest import Table, check_part, read_footer, read_rows, read_table
from throng.tables import (
    calibrated_counts,
    density_labels,
    detections,
    gan_samples,
    images,
    prompts,
    ranked_pairs,
    removals,
    synthetic,
)
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.density_labels import DensityLabelRow
from throng.tables.detections import DetectionRow
from throng.tables.gan_samples import GanSampleRow
from throng.tables.images import ImageRow
from throng.tables.prompts import PromptRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow
from throng.tables.synthetic import SyntheticRow

TABLES: dict[str, tuple[Table, type]] = {
    "images": (images.TABLE, ImageRow),
    "detections": (detections.TABLE, DetectionRow),
    "removals": (removals.TABLE, RemovalRow),
    "ranked_pairs": (ranked_pairs.TABLE, RankedPairRow),
    "prompts": (prompts.TABLE, PromptRow),
    "synthetic": (synthetic.TABLE, SyntheticRow),
    "calibrated_counts": (calibrated_counts.TABLE, CalibratedCountRow),
    "density_labels": (density_labels.TABLE, DensityLabelRow),
    "gan_samples": (gan_samples.TABLE, GanSampleRow),
}
# tables that a run may lack, because nobody asked for what they hold
OPTIONAL = frozenset({"gan_samples"})
BATCH_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Corpus:
    """The tables of one run, read as they are asked for, and the footers that say what made them."""

    parts: Mapping[str, Sequence[Path]]
    footers: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def read(cls, files: Callable[[str], Sequence[Path]], hashes: Mapping[str, str]) -> Self:
        """Return the tables in ``files`` (a table's parts by name); ``hashes`` are sha256 by path below results.

        Raises ThrongError when a table is missing or was made from another version of one of the others.
        """
        parts = {name: list(files(name)) for name in TABLES}
        for name, paths in parts.items():
            if not paths and name not in OPTIONAL:
                raise ThrongError(f"table {name!r}: no part was given to read; run stage {TABLES[name][0].stage!r}")
        footers = {name: [read_footer(path) for path in paths] for name, paths in parts.items()}
        for name, found in footers.items():
            _check_parents(name, found, hashes)
        return cls(parts, {name: _distinct(found) for name, found in footers.items()})

    def columns(self, table: str, names: Sequence[str]) -> pa.Table:
        """Return some columns of a table, its parts one after the other; raises ThrongError for a wrong schema."""
        if not self.parts[table]:
            schema = TABLES[table][0].schema
            return pa.schema([schema.field(name) for name in names]).empty_table()
        return read_table(self.parts[table], TABLES[table][0], list(names))

    def batches(self, table: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of a table a few thousand rows at a time, in the order of :meth:`columns`."""
        for path in self.parts[table]:
            check_part(path, TABLES[table][0], list(names))
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=list(names))

    def counts(self, table: str, names: Sequence[str]) -> dict[tuple[Any, ...], int]:
        """Count a table's rows by the values of some columns, sorted; null counts as a value."""
        found: Counter[tuple[Any, ...]] = Counter()
        for batch in self.batches(table, names):
            groups = pa.Table.from_batches([batch]).group_by(list(names)).aggregate([([], "count_all")])
            *values, numbers = (groups.column(name).to_pylist() for name in (*names, "count_all"))
            for key, number in zip(zip(*values, strict=True), numbers, strict=True):
                found[key] += number
        return dict(sorted(found.items(), key=lambda item: tuple((value is not None, value) for value in item[0])))

    def tables(self, table: str, names: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Yield some columns of a table about ``rows`` rows at a time, in the order of :meth:`columns`."""
        held: list[pa.RecordBatch] = []
        for batch in self.batches(table, names):
            held.append(batch)
            if sum(part.num_rows for part in held) >= rows:
                yield pa.Table.from_batches(held)
                held = []
        if held:
            yield pa.Table.from_batches(held)

    def rows(self, table: str) -> list[Any]:
        """Return the rows of a table as objects, in the order of its key: for those who look at few."""
        kind, row = TABLES[table]
        return read_rows(self.parts[table], kind, row) if self.parts[table] else []


def _check_parents(name: str, footers: list[dict[str, Any]], hashes: Mapping[str, str]) -> None:
    for footer in footers:
        for parent, sha256 in footer["parents"].items():
            if hashes.get(parent, sha256) != sha256:
                raise ThrongError(
                    f"table {name!r} was made from another version of {parent} than the one given here; "
                    f"rerun stage {footer['stage']!r}"
                )


def _distinct(footers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for footer in footers:
        if footer not in found:
            found.append(footer)
    return found
