"""One split of one product as Parquet shards: row groups of whole chains, images once per group and column."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from throng.files import sha256_file
from throng.provenance import Provenance
from throng.release.parquet import GROUP_ROWS, ParquetWriter
from throng.release.pixels import File, Pixels
from throng.release.products import Product, Sample

GROUP_BYTES = 128_000_000
ROWS_WITHOUT_PIXELS = 2000


@dataclasses.dataclass(frozen=True)
class Written:
    """One file of a release: path below its folder, what it holds, size in bytes, rows and sha256."""

    path: str
    config: str
    split: str
    format: str
    rows: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """A sample whose columns say the hashes of its images as they are released, and the files of these images."""

    sample: Sample
    files: Mapping[str, File]

    @property
    def bytes(self) -> int:
        """Bytes of all its images."""
        return sum(len(file.data) for file in self.files.values())


def finished(product: Product, sample: Sample, pixels: Pixels) -> Finished:
    """Read and finish a sample's images."""
    files = {column: pixels.file(picture) for column, picture in sample.pictures.items()}
    hashes = {product.hashes[column]: file.sha256 for column, file in files.items()}
    return Finished(dataclasses.replace(sample, fields=sample.fields | hashes), files)


class Packer:
    """Writes the files of one release below ``folder``, about ``shard_bytes`` of image bytes to a shard."""

    def __init__(self, folder: Path, shard_bytes: int, provenance: Provenance) -> None:
        self.folder, self.shard_bytes, self._provenance = folder, shard_bytes, provenance

    def write_parquet(self, product: Product, split: str, samples: Iterable[Finished]) -> list[Written]:
        """Write ``data/<product>/<split>-<k>-of-<n>.parquet``: all columns, image bytes included."""
        base = self.folder / "data" / product.name
        base.mkdir(parents=True, exist_ok=True)
        drafts: list[tuple[Path, int]] = []
        writer, size, rows = None, 0, 0
        for group in _groups(samples):
            stored = {(name, file.sha256): len(file.data) for one in group for name, file in one.files.items()}
            if writer and size + sum(stored.values()) > self.shard_bytes:
                writer.close()
                drafts.append((writer.path, rows))
                writer, size, rows = None, 0, 0
            if writer is None:
                draft = base / f".{split}-{len(drafts):05d}.draft"
                writer = ParquetWriter(draft, product.fields, tuple(product.images), self._footer(product.name))
            writer.write_group([_with_pixels(one) for one in group])
            size, rows = size + sum(stored.values()), rows + len(group)
        if writer:
            writer.close()
            drafts.append((writer.path, rows))
        written = []
        for k, (draft, rows) in enumerate(drafts):
            path = draft.rename(base / shard_name(split, k, len(drafts), "parquet"))
            written.append(self._described(path, product.name, split, rows))
        return written

    def write_recipes(self, product: Product, split: str, samples: Iterable[Finished]) -> Written:
        """Write ``recipes/<product>/<split>-00000-of-00001.parquet``: all columns, no image."""

        def tables() -> Iterator[pa.Table]:
            rows: list[dict[str, Any]] = []
            for one in samples:
                rows.append(one.sample.fields)
                if len(rows) == ROWS_WITHOUT_PIXELS:
                    yield pa.Table.from_pylist(rows, schema=product.fields)
                    rows = []
            yield pa.Table.from_pylist(rows, schema=product.fields)

        path = f"recipes/{product.name}/{shard_name(split, 0, 1, 'parquet')}"
        return self.write_tables(path, config=product.recipes, split=split, fields=product.fields, tables=tables())

    def write_tables(
        self, path: str, *, config: str, split: str, fields: pa.Schema, tables: Iterable[pa.Table]
    ) -> Written:
        """Write rows without pixels as one Parquet file at ``path`` below the release's folder, a group per table."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = 0
        with ParquetWriter(target, fields, (), self._footer(config)) as writer:
            for table in tables:
                writer.write_table(table)
                rows += table.num_rows
        return self._described(target, config, split, rows)

    def _footer(self, config: str) -> dict[str, Any]:
        return self._provenance.footer(f"release/{config}", 1)

    def _described(self, path: Path, config: str, split: str, rows: int) -> Written:
        relative = path.relative_to(self.folder).as_posix()
        return Written(relative, config, split, "parquet", rows, path.stat().st_size, sha256_file(path))


def shard_name(split: str, k: int, of: int, extension: str) -> str:
    """Return the name of one shard, e.g. ``train-00000-of-00002.tar``."""
    return f"{split}-{k:05d}-of-{of:05d}.{extension}"


def member_name(product: Product, column: str, kind: str) -> str:
    """Return what follows the key in the name of an image's tar member, e.g. ``more.png`` or ``jpg``."""
    prefix = product.images[column]
    return f"{prefix}.{kind}" if prefix else kind


def _with_pixels(one: Finished) -> dict[str, Any]:
    images = {name: {"bytes": file.data, "path": file.name} for name, file in one.files.items()}
    return images | one.sample.fields


def _groups(samples: Iterable[Finished]) -> Iterator[list[Finished]]:
    group: list[Finished] = []
    size = 0
    for one in samples:
        if group and (len(group) == GROUP_ROWS or size + one.bytes > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(one)
        size += one.bytes
    if group:
        yield group
