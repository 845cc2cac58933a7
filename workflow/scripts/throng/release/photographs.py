"""The usable images by id: where their rows are, and what all sources of one file together allow."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from throng.manifest import OK
from throng.release.arrow import Column, equal, mask, places
from throng.release.corpus import Corpus
from throng.release.products import SPLITS, TRAIN, Medium


class Twin(NamedTuple):
    """One of several files with the same bytes."""

    source: str
    path: str
    licence: str
    row: int


@dataclasses.dataclass(frozen=True)
class Photographs:
    """The distinct ids of usable images; ``rows``, ``shown`` and ``held_out`` are in their order.

    ``rows`` holds the row in table images, of equal files the first by source and path; ``shown`` whether every source
    allows passing the file on; ``held_out`` the place in SPLITS of one that is not train, or -1; ``twins`` equal files.
    """

    ids: pa.Array
    rows: np.ndarray
    shown: np.ndarray
    held_out: np.ndarray
    twins: Mapping[str, list[Twin]]

    @classmethod
    def read(cls, corpus: Corpus) -> Self:
        """Read the columns of table images that tell."""
        table = corpus.columns("images", ["id", "status", "redistributable", "split"])
        rows = np.flatnonzero(equal(table["status"], OK))
        usable = table.take(pa.array(rows))
        encoded = usable["id"].combine_chunks().dictionary_encode()
        codes, ids = encoded.indices.to_numpy(), encoded.dictionary
        first, shown, held_out = np.zeros(len(ids), np.int64), np.ones(len(ids), bool), np.full(len(ids), -1, np.int8)
        first[codes[::-1]] = rows[::-1]
        np.logical_and.at(shown, codes, mask(usable["redistributable"]))
        splits = places(usable["split"], SPLITS)
        np.maximum.at(held_out, codes, np.where(splits == SPLITS.index(TRAIN), -1, splits).astype(np.int8))
        several = np.flatnonzero(np.bincount(codes, minlength=len(ids)) > 1)
        twins = _twins(corpus, rows[np.isin(codes, several)])
        for k in several:
            first[k] = twins[ids[int(k)].as_py()][0].row
        return cls(ids, first, shown, held_out, twins)

    def find(self, ids: Column) -> np.ndarray:
        """Return the place of each id among ``ids``, -1 for what is none of them."""
        return places(ids, self.ids)

    def licence(self, row: Mapping[str, Any]) -> str:
        """Return the terms of an image's row together with those of equal files."""
        twins = self.twins.get(row["id"], ())
        return " AND ".join(sorted({row["licence"], *(twin.licence for twin in twins)}))

    def place(self, row: Mapping[str, Any], *shown: tuple[str, str]) -> tuple[str, str]:
        """Return source and path of the equal file that is among those shown, else of the row itself."""
        places = [(twin.source, twin.path) for twin in self.twins.get(row["id"], ())]
        return next((place for place in places if place in shown), (row["source"], row["path"]))


def medium(source: str, rendered: Collection[str]) -> Medium:
    """Return how the images of a source came to be."""
    return "rendered" if source in rendered else "photograph"


def _twins(corpus: Corpus, rows: np.ndarray) -> dict[str, list[Twin]]:
    found: dict[str, list[Twin]] = {}
    if not len(rows):
        return found
    table = corpus.columns("images", ["id", "source", "path", "licence"]).take(pa.array(rows))
    for number, row in zip(rows.tolist(), table.to_pylist(), strict=True):
        found.setdefault(row["id"], []).append(Twin(row["source"], row["path"], row["licence"], number))
    return {name: sorted(twins) for name, twins in found.items()}
