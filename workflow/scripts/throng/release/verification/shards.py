"""One piece of a Parquet shard, or of recipes: every row and every image in it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line
from throng.release.checks import CHECKS
from throng.release.products import PRODUCTS, Product
from throng.release.records import record_digest
from throng.release.shards import Written
from throng.release.verification.found import Found
from throng.release.verification.images import Facts, Promise, check_image, facts_of, sha256_of
from throng.release.verification.marks import terms_of
from throng.release.verification.points import points_of


def check_shard(folder: Path, file: Written, groups: list[int], promise: Promise) -> Found:
    """Check the rows, and the images where it has any, of some row groups of a product's Parquet file.

    Raises ThrongError naming the first row that does not hold what it must.
    """
    name = file.config if file.config in PRODUCTS else file.config.removesuffix("_recipes")
    piece = _Piece(folder / file.path, PRODUCTS[name], file, promise)
    images = PRODUCTS[name].images if name == file.config else ()
    for batch in _batches(folder / file.path, groups, [f"{column}.bytes" for column in images]):
        piece.read(batch)
    return piece.found


def _batches(path: Path, groups: list[int], encoded: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield row groups with each distinct value of the columns ``encoded`` once, as the file stores it."""
    try:
        with pq.ParquetFile(path, read_dictionary=encoded) as file:
            for group in groups:
                yield from file.read_row_group(group, use_threads=False).to_batches()
    except (OSError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: not readable as Parquet ({first_line(error)}); download or make the release again"
        ) from error


class _Piece:
    """What has been read of one piece so far."""

    def __init__(self, path: Path, product: Product, file: Written, promise: Promise) -> None:
        self._path, self._product, self._promise = path, product, promise
        self._recipe = file.config != product.name
        self._facts: dict[str, Facts] = {}
        self.found = Found(file.config, file.split)

    def read(self, batch: pa.RecordBatch) -> None:
        """Check the rows of one batch."""
        rows = batch.select(self._product.fields.names).to_pylist()
        images = {} if self._recipe else {name: _Images(batch.column(name)) for name in self._product.images}
        for k, row in enumerate(rows):
            where = f"{self._path}, row {row['id']}"
            self._row(row, where)
            for column, held in images.items():
                self._image(column, held, k, row, f"{where}, {column}")
            self.found.add(row["id"], record_digest(row))

    def _row(self, row: dict[str, Any], where: str) -> None:
        found, product = self.found, self._product.name
        if not isinstance(row["id"], str) or not row["id"]:
            raise ThrongError(f"{self._path}: row {found.rows} has no id")
        if row["split"] != found.split:
            raise ThrongError(f"{where}: its split is {row['split']!r}, but it is in the shards of {found.split!r}")
        try:
            CHECKS[product](row, where)
            for kind, ids in points_of(product, row, recipe=self._recipe):
                found.point(kind, ids, where)
        except (TypeError, KeyError, AttributeError) as error:
            raise ThrongError(f"{where}: lacks a value that every row must have ({error})") from error
        found.scenes.setdefault((row["scene"], found.split), where)

    def _image(self, column: str, held: "_Images", k: int, row: Mapping[str, Any], where: str) -> None:
        promised = row[self._product.hashes[column]]
        sha256, path = held.sha256(k), held.path(k)
        if sha256 is None or sha256 != promised:
            raise ThrongError(f"{where}: the image's bytes have sha256 {str(sha256)[:16]}..., its row says {promised}")
        if path is None or path.partition(".")[0] != sha256[:16]:
            raise ThrongError(f"{where}: the image is called {path!r}, expected the first 16 digits of its sha256")
        facts = self._facts.get(sha256)
        if facts is None:
            facts = self._facts[sha256] = facts_of(held.data(k), where)
            self.found.images[sha256] = (facts.width, facts.height)
        terms = terms_of(self._product.name, column, row, self._promise)
        check_image(facts, (row["width"], row["height"]), terms, self._promise, where)


class _Images:
    """An image column of one batch, each distinct image hashed once."""

    def __init__(self, column: Any) -> None:
        encoded = column.field("bytes")
        self._nulls = column.is_null().to_pylist()
        self._values, self._indices = encoded.dictionary, encoded.indices.to_pylist()
        self._paths = column.field("path").to_pylist()
        self._hashes: dict[int, str] = {}

    def sha256(self, k: int) -> str | None:
        """Return the hex sha256 of row ``k``'s image, or None when it has none."""
        index = self._indices[k]
        if self._nulls[k] or index is None:
            return None
        if index not in self._hashes:
            self._hashes[index] = sha256_of(memoryview(self._values[index].as_buffer()))
        return self._hashes[index]

    def path(self, k: int) -> str | None:
        """Return the file name of row ``k``'s image."""
        return self._paths[k]

    def data(self, k: int) -> bytes:
        """Return the bytes of row ``k``'s image."""
        return self._values[self._indices[k]].as_py()
