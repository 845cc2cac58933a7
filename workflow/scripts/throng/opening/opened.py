"""``throng.open``: a released folder, and the torch datasets that are in it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from throng.errors import ThrongError
from throng.opening.columns import has_column, ids_with, read_columns
from throng.opening.datasets import Counts, Densities, HeadPoints, RankedPairs
from throng.opening.shards import TarShards
from throng.release.index import read_index

PAIRS = "ranked_pairs"
# each image is taken from the first that has it: what calibration made of a count comes first
IMAGES = ("fixed_count", "density_labelled")
DENSITY = ("density_labelled", "fixed_count")


class OpenedRelease:
    """A released folder. Its datasets read pixels from the tar shards, which are mapped into memory, and nothing twice.

    Every dataset is a torch dataset: it has a length, takes a number, decodes on access, may be pickled, and may be
    asked by many workers at once. Its ``ids`` are the samples' ids in the release.
    """

    def __init__(self, folder: Path) -> None:
        """Read the index; raises ThrongError when there is none."""
        self.folder = folder
        self._index = read_index(folder)

    def __repr__(self) -> str:
        found = ", ".join(f"{name} {splits}" for name, splits in self.products.items())
        return f"{self.name} {self.version} ({found})"

    @property
    def name(self) -> str:
        """The release's name."""
        return self._index["name"]

    @property
    def version(self) -> str:
        """The release's version."""
        return self._index["version"]

    @property
    def products(self) -> dict[str, dict[str, int]]:
        """How many samples with pixels each split of each product has."""
        return {name: dict(counts["pixels"]) for name, counts in self._index["products"].items() if counts["pixels"]}

    def points(self, split: str = "train") -> HeadPoints:
        """Return the images of a split whose heads are known.

        Raises ThrongError when the release has none in this split.
        """
        return HeadPoints(*self._having("points", IMAGES, split))

    def counts(self, split: str = "train") -> Counts:
        """Return the images of a split whose number of people is known; raises ThrongError when there are none."""
        return Counts(*self._having("count", IMAGES, split))

    def densities(self, split: str = "train") -> Densities:
        """Return the images of a split that have a density label; raises ThrongError when there are none."""
        return Densities(*self._having("density_class", DENSITY, split))

    def pairs(self, split: str = "train") -> RankedPairs:
        """Return the ranked pairs of a split; raises ThrongError when there are none."""
        self._check(PAIRS, split)
        parquet = self._parquet(PAIRS, split)
        ids = read_columns(parquet, ["id"])["id"].to_pylist()
        return RankedPairs(self._shards(PAIRS, split), np.sort(np.array(ids, "S")), parquet)

    def table(self, name: str) -> Path:
        """Return the file of one of the run's tables; raises ThrongError when the release does not hold it."""
        paths = self.files(name, "rows", "parquet")
        if not paths:
            raise ThrongError(f"{self.folder}: holds no table {name!r}")
        return paths[0]

    def files(self, config: str, split: str, kind: str) -> list[Path]:
        """Return the files of one split of a product, in order, ``kind`` parquet or webdataset."""
        found = [
            self.folder / entry["path"]
            for entry in self._index["files"]
            if (entry["config"], entry["split"], entry["format"]) == (config, split, kind)
        ]
        return sorted(found)

    def _parquet(self, product: str, split: str) -> list[Path]:
        if paths := self.files(product, split, "parquet"):
            return paths
        raise ThrongError(
            f"{self.folder / 'index.json'}: names no Parquet file of product {product}, split {split}, of which it "
            f"counts samples; fetch it again and check it with throng verify"
        )

    def _having(self, column: str, products: Sequence[str], split: str) -> tuple[list[TarShards], list[np.ndarray]]:
        """Return shards and ids of a split's images with a value in ``column``, each image once."""
        offered = [name for name in products if name in self.products]
        if not offered:
            raise self._lacking(products)
        shards: list[TarShards] = []
        keys: list[np.ndarray] = []
        for name in (name for name in offered if split in self.products[name]):
            parquet = self._parquet(name, split)
            if not has_column(parquet, column):
                continue
            found = np.setdiff1d(ids_with(parquet, column), np.concatenate([np.empty(0, "S1"), *keys]))
            shards.append(self._shards(name, split))
            keys.append(found)
        if not sum(map(len, keys)):
            splits = sorted({each for name in offered for each in self.products[name]})
            raise ThrongError(
                f"{self.folder}: no image of split {split!r} has a value in {column}; "
                f"its products {' and '.join(offered)} have splits {', '.join(splits)}"
            )
        return shards, keys

    def _check(self, product: str, split: str) -> None:
        if product not in self.products:
            raise self._lacking([product])
        if split not in self.products[product]:
            raise ThrongError(
                f"{self.folder}: {product} has no split {split!r}; it has {', '.join(self.products[product])}"
            )

    def _lacking(self, products: Sequence[str]) -> ThrongError:
        """Return the error that says that there are no pixels of these products, and what there is instead."""
        recipes = [name for name in products if self._index["products"].get(name, {}).get("recipes")]
        if recipes:
            return ThrongError(
                f"{self.folder}: {' and '.join(recipes)} are recipes here, without pixels; "
                f"make them of your own copy of the sources with throng rebuild, and open what that writes"
            )
        return ThrongError(
            f"{self.folder}: has no product {' or '.join(products)}; it has {', '.join(self.products) or 'none'}"
        )

    def _shards(self, product: str, split: str) -> TarShards:
        return TarShards(self.files(product, split, "webdataset"))


def open_release(folder: str | PathLike[str]) -> OpenedRelease:
    """Open a released folder; raises ThrongError, in one sentence, for what is none."""
    return OpenedRelease(Path(folder).expanduser())
