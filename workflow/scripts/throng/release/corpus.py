"""Everything one run made, table by table, and whether the tables belong together."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.manifest import OK, Table, check_part, read_footer, read_rows, read_table
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
    """The tables of one run, read as they are asked for, and the footers that say what made them.

    The attributes named after tables are lists of rows, for those who look at few; a release reads columns in batches.
    """

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

    def _rows(self, table: str) -> list[Any]:
        kind, row = TABLES[table]
        return read_rows(self.parts[table], kind, row) if self.parts[table] else []

    @cached_property
    def images(self) -> list[ImageRow]:
        """The rows of table images."""
        return self._rows("images")

    @cached_property
    def detections(self) -> list[DetectionRow]:
        """The rows of table detections."""
        return self._rows("detections")

    @cached_property
    def removals(self) -> list[RemovalRow]:
        """The rows of table removals."""
        return self._rows("removals")

    @cached_property
    def ranked_pairs(self) -> list[RankedPairRow]:
        """The rows of table ranked_pairs."""
        return self._rows("ranked_pairs")

    @cached_property
    def prompts(self) -> list[PromptRow]:
        """The rows of table prompts."""
        return self._rows("prompts")

    @cached_property
    def synthetic(self) -> list[SyntheticRow]:
        """The rows of table synthetic."""
        return self._rows("synthetic")

    @cached_property
    def calibrated_counts(self) -> list[CalibratedCountRow]:
        """The rows of table calibrated_counts."""
        return self._rows("calibrated_counts")

    @cached_property
    def density_labels(self) -> list[DensityLabelRow]:
        """The rows of table density_labels."""
        return self._rows("density_labels")

    @cached_property
    def gan_samples(self) -> list[GanSampleRow]:
        """The rows of table gan_samples."""
        return self._rows("gan_samples")

    @cached_property
    def photographs(self) -> dict[str, list[ImageRow]]:
        """The usable images by id; several where two sources hold the same file."""
        found: dict[str, list[ImageRow]] = {}
        for row in self.images:
            if row.status == OK:
                found.setdefault(row.id, []).append(row)
        return found

    @cached_property
    def counted(self) -> list[tuple[SyntheticRow, CalibratedCountRow]]:
        """The usable synthetic images, each with what is known of its count."""
        known = {row.id: row for row in self.calibrated_counts if row.status == OK}
        return [(row, known[row.id]) for row in self.synthetic if row.id in known]

    @cached_property
    def drawn(self) -> list[GanSampleRow]:
        """The images of generators that were kept."""
        return [row for row in self.gan_samples if row.status == OK]


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
