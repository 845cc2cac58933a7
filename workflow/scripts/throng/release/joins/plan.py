"""A product's samples as numbers of rows: who stays, in which order, and what has to be fetched to make them."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from throng.errors import ThrongError
from throng.release.arrow import Column, ascending, places
from throng.release.corpus import TABLES, Corpus
from throng.release.exclusions import STAYS, Exclusions
from throng.release.gather import gather
from throng.release.products import SPLITS, Product, Sample

Row = dict[str, Any]
# of every table that a sample is made from, its row, or None where it has none there
Rows = Mapping[str, Row | None]
Make = Callable[[Any, bool], Sample]
# rows that are Python objects at once
OBJECTS = 128


@dataclasses.dataclass(frozen=True)
class Need:
    """Columns of a table, and which of its rows each sample takes: an int64 array, -1 for none."""

    table: str
    columns: tuple[str, ...]
    rows: np.ndarray


@dataclasses.dataclass(frozen=True)
class Candidates:
    """All samples that a product's stage kept, in any order.

    ``order`` is what Parquet shards are sorted by, ``splits`` places in :data:`SPLITS`, ``shown`` whether the pixels
    may be passed on, ``kinds`` the code of what leaves a sample out (:meth:`Exclusions.codes`); ``make`` turns fetched
    rows and ``shown`` into a sample.
    """

    ids: Column
    order: Column
    splits: np.ndarray
    shown: np.ndarray
    kinds: np.ndarray
    needs: Mapping[str, Need]
    make: Make


@dataclasses.dataclass(frozen=True)
class Plan:
    """The samples of a product that are released, those with pixels first, by split, ``order`` and id.

    ``splits`` are places in :data:`SPLITS`; ``left_out`` counts the others by reason.
    """

    product: Product
    ids: pa.Array
    splits: np.ndarray
    shown: np.ndarray
    needs: Mapping[str, Need]
    make: Make
    left_out: Mapping[str, int]

    @classmethod
    def of(cls, product: Product, found: Candidates, exclusions: Exclusions) -> Self:
        """Leave out what is excluded and put the rest in order."""
        stay = found.kinds == STAYS
        out = Counter(found.kinds[~stay].tolist())
        keys = {
            "recipe": pa.array(~found.shown),
            "split": pa.array(found.splits),
            "order": found.order,
            "id": found.ids,
        }
        table = pa.table(keys).append_column("row", pa.array(np.arange(len(stay)))).filter(pa.array(stay))
        table = table.take(pa.array(ascending(table, list(keys))))
        rows = table["row"].to_numpy()
        return cls(
            product,
            table["id"].combine_chunks(),
            found.splits[rows],
            found.shown[rows],
            {name: dataclasses.replace(need, rows=need.rows[rows]) for name, need in found.needs.items()},
            found.make,
            {exclusions.kinds[code]: out[code] for code in sorted(out)},
        )

    def counts(self, *, shown: bool) -> dict[str, int]:
        """Count by split the samples with pixels, or those without."""
        numbers = np.bincount(self.splits[self.shown == shown], minlength=len(SPLITS)).tolist()
        return {split: number for split, number in zip(SPLITS, numbers, strict=True) if number}

    def samples(self, corpus: Corpus, scratch: Path) -> Iterator[Sample]:
        """Yield the samples in order, their rows fetched by way of files in ``scratch``."""
        if not len(self.ids):
            return
        fetched = [
            gather(corpus.batches(need.table, need.columns), _schema(need), need.rows, scratch / name)
            for name, need in self.needs.items()
        ]
        place = 0
        for tables in zip(*fetched, strict=True):
            for start in range(0, tables[0].num_rows, OBJECTS):
                rows = (table.slice(start, OBJECTS).to_pylist() for table in tables)
                for row in zip(*rows, strict=True):
                    yield self._sample(place, row)
                    place += 1

    def _sample(self, place: int, row: tuple[Row, ...]) -> Sample:
        named = zip(self.needs.items(), row, strict=True)
        rows = {name: found if need.rows[place] >= 0 else None for (name, need), found in named}
        return self.make(rows, bool(self.shown[place]))


def _schema(need: Need) -> pa.Schema:
    schema = TABLES[need.table][0].schema
    return pa.schema([schema.field(name) for name in need.columns])


def rows_of(table: pa.Table, wanted: Column) -> np.ndarray:
    """Return the row of ``table`` whose id each value is, -1 where it is none's."""
    return places(wanted, table["id"].combine_chunks())


def split_codes(table: pa.Table, name: str) -> np.ndarray:
    """Return the place of each row's split in :data:`SPLITS`, int8; raises ThrongError for one that is not there."""
    codes = places(table["split"], SPLITS).astype(np.int8)
    if (codes < 0).any():
        row = table.slice(int(np.flatnonzero(codes < 0)[0]), 1).to_pylist()[0]
        raise ThrongError(
            f"{name} {row['id']}: split {row['split']!r} is none of {', '.join(SPLITS)}; correct its stage"
        )
    return codes
