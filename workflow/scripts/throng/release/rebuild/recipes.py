"""What a release says of the samples whose pixels it does not hold, and of all that they are made from."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow.parquet as pq
from pydantic import ValidationError

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.manifest import OK
from throng.release.corpus import TABLES
from throng.release.index import INDEX, SUMS, read_index, read_sums
from throng.release.products import DENSITY_LABELLED, FIXED_COUNT, PRODUCTS, RANKED_PAIRS, REQUESTED_DENSITY
from throng.release.shards import Written
from throng.sections.release import Release
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow
from throng.tables.synthetic import SyntheticRow

MADE_BY = "made_by"
# kind of fault: somebody opted out
WITHDRAWN = "withdrawn"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The ids of what is to be there again: photographs, edits, synthesised images, and images that a GAN drew."""

    photographs: frozenset[str]
    edits: frozenset[str]
    made: frozenset[str]
    drawn: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Recipes:
    """A release's index, its configuration, the rows of its recipes by product, and its tables without pixels."""

    folder: Path
    index: Mapping[str, Any]
    config: Release
    files: list[Written]
    samples: Mapping[str, list[dict[str, Any]]]
    tables: Mapping[str, list[Any]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read all that is needed of a release; raises ThrongError when a file of it is missing or changed."""
        index = read_index(folder)
        sums = read_sums(folder)
        _check(folder, INDEX, sums)
        files = [Written(**entry) for entry in index["files"]]
        products = {product.recipes: product.name for product in PRODUCTS.values()}
        samples: dict[str, list[dict[str, Any]]] = {name: [] for name in PRODUCTS}
        tables: dict[str, list[Any]] = {name: [] for name in TABLES}
        for file in files:
            if file.config in products:
                samples[products[file.config]] += _rows(folder, file, sums)
            elif file.config in TABLES and file.path.startswith("tables/"):
                _, kind = TABLES[file.config]
                names = [field.name for field in dataclasses.fields(kind)]
                tables[file.config] += [
                    kind(**{name: row[name] for name in names}) for row in _rows(folder, file, sums)
                ]
        return cls(folder, index, _config(folder, index), files, samples, tables)

    def footers(self, table: str) -> list[dict[str, Any]]:
        """Return what made a table's parts; raises ThrongError when the release does not say."""
        found: list[dict[str, Any]] = self.index[MADE_BY].get(table, [])
        if not found:
            raise ThrongError(f"{self.folder / INDEX}: {MADE_BY} does not say what made table {table!r}")
        return found

    @cached_property
    def photographs(self) -> dict[str, ImageRow]:
        """The usable photographs by id."""
        return {row.id: row for row in self.tables["images"] if row.status == OK}

    @cached_property
    def edits(self) -> dict[str, RemovalRow]:
        """The kept edits by id."""
        return {row.id: row for row in self.tables["removals"] if row.status == OK}

    @cached_property
    def made(self) -> dict[str, SyntheticRow]:
        """The synthesised images by id."""
        return {row.id: row for row in self.tables["synthetic"] if row.status == OK}

    @cached_property
    def wanted(self) -> Wanted:
        """What the recipes show."""
        pairs = self.samples[RANKED_PAIRS.name]
        labelled = self.samples[DENSITY_LABELLED.name]
        parents = {row["parent_id"] for row in pairs}
        members = {row[side] for row in pairs for side in ("more_id", "fewer_id")}
        shown = {row["id"] for row in labelled if row["table"] == "images"}
        counted = {row["id"] for row in self.samples[FIXED_COUNT.name]}
        return Wanted(
            photographs=frozenset(parents | shown),
            edits=frozenset(members - parents),
            made=frozenset(counted | {row["id"] for row in labelled if row["table"] == "synthetic"}),
            drawn=frozenset(row["id"] for row in self.samples[REQUESTED_DENSITY.name]),
        )


def _config(folder: Path, index: Mapping[str, Any]) -> Release:
    try:
        return Release.model_validate(index["provenance"]["config"]["release"])
    except (KeyError, TypeError, ValidationError) as error:
        raise ThrongError(
            f"{folder / INDEX}: its configuration is not one that this version of throng reads; use the version that "
            f"made the release"
        ) from error


def _rows(folder: Path, file: Written, sums: Mapping[str, str]) -> list[dict[str, Any]]:
    _check(folder, file.path, sums)
    return pq.read_table(folder / file.path).to_pylist()


def _check(folder: Path, path: str, sums: Mapping[str, str]) -> None:
    if not (folder / path).is_file() or sha256_file(folder / path) != sums.get(path):
        raise ThrongError(f"{folder / path}: missing or not the file that {SUMS} lists; download the release again")
