"""The synthesised images by their row: whether they may be passed on, and whether their photographs keep them out."""

import dataclasses
from typing import Self

import numpy as np
import pyarrow as pa

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.arrow import among, elements, equal, mask
from throng.release.corpus import Corpus
from throng.release.exclusions import STAYS, Exclusions
from throng.release.photographs import Photographs
from throng.release.products import SPLITS, TRAIN

# enough that the ids of all photographs are hashed a few times, not once per batch
ROWS = 262_144


@dataclasses.dataclass(frozen=True)
class Synthetics:
    """One entry per row of table synthetic, in its order.

    ``counted``: its count is known; ``shown``: its terms and those of every photograph in it allow passing it on;
    ``kinds``: the code of what leaves it out (:meth:`Exclusions.codes`); ``withdrawn``: it or a photograph in it was.
    ``emptied_by``: the backends that emptied photographs for composites to have as backgrounds.
    """

    ids: pa.ChunkedArray
    counted: np.ndarray
    shown: np.ndarray
    kinds: np.ndarray
    withdrawn: np.ndarray
    emptied_by: tuple[str, ...]

    @classmethod
    def read(cls, corpus: Corpus, photographs: Photographs, exclusions: Exclusions) -> Self:
        """Read the columns that tell; raises ThrongError for a training image with held-out or unknown photographs."""
        ids = corpus.columns("synthetic", ["id"])["id"]
        counts = corpus.columns("calibrated_counts", ["id", "status"])
        known = counts["id"].filter(pa.array(equal(counts["status"], OK)))
        counted = among(ids, known.combine_chunks())
        shown, kinds = np.zeros(len(ids), bool), np.full(len(ids), STAYS, np.int32)
        withdrawn = np.zeros(len(ids), bool)
        columns = ["id", "split", "status", "parents", "background_id", "redistributable"]
        start = 0
        for table in corpus.tables("synthetic", columns, ROWS):
            here = slice(start, start + table.num_rows)
            row, flat = _parents(table)
            usable = equal(table["status"], OK)
            row, flat = row[usable[row]], flat.filter(pa.array(usable[row]))
            at = photographs.find(flat)
            _check(table, row, flat, at, photographs)
            shown[here] = mask(table["redistributable"])
            shown[start + row[~photographs.shown[at]]] = False
            kinds[here] = exclusions.codes(table["id"])
            _first(kinds, start + row, exclusions.codes(flat))
            withdrawn[here] = exclusions.is_withdrawn(table["id"])
            withdrawn[start + row[exclusions.is_withdrawn(flat)]] = True
            start += table.num_rows
        edited = corpus.counts("removals", ["backend", "status"])
        emptied_by = tuple(backend for backend, status in edited if status == OK)
        return cls(ids, counted, shown, kinds, withdrawn, emptied_by)


def _parents(table: pa.Table) -> tuple[np.ndarray, pa.Array]:
    """Return (row in the table, id of a photograph whose pixels it shows), backgrounds first, row by row."""
    lists = table["parents"].combine_chunks()
    background = table["background_id"].combine_chunks()
    has = np.flatnonzero(~equal(background, ""))
    row, flat = elements(lists)
    row = np.concatenate([has, row])
    flat = pa.concat_arrays([background.take(pa.array(has)), flat])
    order = np.argsort(row, kind="stable")
    return row[order], flat.take(pa.array(order))


def _first(kinds: np.ndarray, rows: np.ndarray, codes: np.ndarray) -> None:
    """Give each row that still stays the first code among its photographs that says otherwise."""
    out = np.flatnonzero((codes != STAYS) & (kinds[rows] == STAYS))
    kinds[rows[out][::-1]] = codes[out][::-1]


def _check(table: pa.Table, row: np.ndarray, flat: pa.Array, at: np.ndarray, photographs: Photographs) -> None:
    missing = np.flatnonzero(at < 0)
    if len(missing):
        raise ThrongError(
            f"synthetic image {table['id'][int(row[missing[0]])]} comes from image {flat[int(missing[0])].as_py()!r}, "
            f"which table images does not hold as ok; rerun the stage that made it"
        )
    training = equal(table["split"], TRAIN)
    leaks = np.flatnonzero(training[row] & (photographs.held_out[at] >= 0))
    if len(leaks):
        first = int(leaks[0])
        raise ThrongError(
            f"synthetic image {table['id'][int(row[first])]} is for training but holds pixels of image {flat[first]} "
            f"from split {SPLITS[photographs.held_out[at[first]]]!r}; rerun stage synthesize with training photographs "
            f"alone"
        )
