"""One split of one product as shards: Parquet in row groups of whole chains, tar in the order of ids."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from throng.files import sha256_file
from throng.provenance import Provenance, canonical_json
from throng.release.parquet import GROUP_ROWS, ParquetWriter
from throng.release.pixels import Pixels
from throng.release.products import Product, Sample
from throng.release.tar import TarWriter

GROUP_BYTES = 128_000_000
ROWS_WITHOUT_PIXELS = 10_000
LEAST_TARS = 2


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


def extensions(product: Product, samples: Sequence[Sample]) -> dict[str, str]:
    """Return each image column's extension in tar shards: png where all are, else jpg.

    Every sample of a product must have the same member names, and decoders go by an image's content, not its name.
    """
    kinds = {column: {sample.pictures[column].extension for sample in samples} for column in product.images}
    return {column: "png" if found == {"png"} else "jpg" for column, found in kinds.items()}


class Packer:
    """Writes the files of one release below ``folder``, about ``shard_bytes`` of image bytes to a shard."""

    def __init__(self, folder: Path, pixels: Pixels, shard_bytes: int, provenance: Provenance) -> None:
        self._folder, self._pixels = folder, pixels
        self._shard_bytes, self._provenance = shard_bytes, provenance

    def write_parquet(self, product: Product, split: str, samples: Sequence[Sample]) -> list[Written]:
        """Write ``data/<product>/<split>-<k>-of-<n>.parquet``: all columns, image bytes included."""
        base = self._folder / "data" / product.name
        base.mkdir(parents=True, exist_ok=True)
        drafts: list[tuple[Path, int]] = []
        for groups in _parquet_shards(samples, self._pixels, self._shard_bytes):
            draft = base / f".{split}-{len(drafts):05d}.draft"
            with ParquetWriter(draft, product.fields, tuple(product.images), self._footer(product.name)) as writer:
                for group in groups:
                    writer.write_group([_with_pixels(sample, self._pixels) for sample in group])
            drafts.append((draft, sum(map(len, groups))))
        written = []
        for k, (draft, rows) in enumerate(drafts):
            path = draft.rename(base / shard_name(split, k, len(drafts), "parquet"))
            written.append(self._described(path, product.name, split, rows))
        return written

    def write_tars(
        self, product: Product, split: str, samples: Sequence[Sample], kinds: Mapping[str, str]
    ) -> list[Written]:
        """Write ``webdataset/<product>/<split>-<k>-of-<n>.tar``, two or more wherever there are two samples.

        Samples go by id, which is a hash, so that a stream is mixed; of a sample, images come before its ``json``.
        """
        base = self._folder / "webdataset" / product.name
        base.mkdir(parents=True, exist_ok=True)
        by_id = sorted(samples, key=lambda sample: sample.id)
        shards = _tar_shards(by_id, self._pixels, self._shard_bytes)
        written = []
        for k, shard in enumerate(shards):
            path = base / shard_name(split, k, len(shards), "tar")
            with TarWriter(path) as tar:
                for sample in shard:
                    for name, data in members(product, sample, kinds, self._pixels):
                        tar.add(name, data)
            relative = path.relative_to(self._folder).as_posix()
            written.append(Written(relative, product.name, split, "webdataset", len(shard), tar.size, tar.sha256))
        return written

    def write_rows(
        self, path: str, *, config: str, split: str, fields: pa.Schema, rows: Sequence[Mapping[str, Any]]
    ) -> Written:
        """Write rows without pixels as one Parquet file at ``path`` below the release's folder."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with ParquetWriter(target, fields, (), self._footer(config)) as writer:
            for start in range(0, len(rows), ROWS_WITHOUT_PIXELS):
                writer.write_group([dict(row) for row in rows[start : start + ROWS_WITHOUT_PIXELS]])
        return self._described(target, config, split, len(rows))

    def _footer(self, config: str) -> dict[str, Any]:
        return self._provenance.footer(f"release/{config}", 1)

    def _described(self, path: Path, config: str, split: str, rows: int) -> Written:
        relative = path.relative_to(self._folder).as_posix()
        return Written(relative, config, split, "parquet", rows, path.stat().st_size, sha256_file(path))


def shard_name(split: str, k: int, of: int, extension: str) -> str:
    """Return the name of one shard, e.g. ``train-00000-of-00002.tar``."""
    return f"{split}-{k:05d}-of-{of:05d}.{extension}"


def members(product: Product, sample: Sample, kinds: Mapping[str, str], pixels: Pixels) -> Iterator[tuple[str, bytes]]:
    """Yield a sample's tar members: one per image, then ``json`` with every other column.

    ``kinds`` has each image column's extension, see :func:`extensions`.
    """
    for column, kind in kinds.items():
        yield f"{sample.id}.{member_name(product, column, kind)}", pixels.read(sample.pictures[column])
    typed = pa.Table.from_pylist([sample.fields], schema=product.fields).to_pylist()[0]
    names = {f"{column}_path": pixels.name(picture) for column, picture in sample.pictures.items()}
    yield f"{sample.id}.json", canonical_json(typed | names).encode()


def member_name(product: Product, column: str, kind: str) -> str:
    """Return what follows the key in the name of an image's tar member, e.g. ``more.png`` or ``jpg``."""
    prefix = product.images[column]
    return f"{prefix}.{kind}" if prefix else kind


def _with_pixels(sample: Sample, pixels: Pixels) -> dict[str, Any]:
    images = {name: {"bytes": pixels.read(at), "path": pixels.name(at)} for name, at in sample.pictures.items()}
    return images | sample.fields


def _parquet_shards(samples: Sequence[Sample], pixels: Pixels, shard_bytes: int) -> Iterator[list[list[Sample]]]:
    """Yield the row groups of each shard; an image counts once per row group and column, as it is stored."""
    shard: list[list[Sample]] = []
    size = 0
    for group in _groups(samples, pixels):
        stored = {(name, at.sha256): pixels.size_of(at) for sample in group for name, at in sample.pictures.items()}
        if shard and size + sum(stored.values()) > shard_bytes:
            yield shard
            shard, size = [], 0
        shard.append(group)
        size += sum(stored.values())
    if shard:
        yield shard


def _groups(samples: Sequence[Sample], pixels: Pixels) -> Iterator[list[Sample]]:
    group: list[Sample] = []
    size = 0
    for sample in samples:
        if group and (len(group) == GROUP_ROWS or size + pixels.size(sample) > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(sample)
        size += pixels.size(sample)
    if group:
        yield group


def _tar_shards(samples: Sequence[Sample], pixels: Pixels, shard_bytes: int) -> list[list[Sample]]:
    """Divide samples into shards of about equal bytes by where each sample's middle falls."""
    total = sum(map(pixels.size, samples))
    number = max(min(LEAST_TARS, len(samples)), -(-total // shard_bytes))
    shards: list[list[Sample]] = [[] for _ in range(number)]
    start = 0
    for sample in samples:
        size = pixels.size(sample)
        shards[min(number - 1, (2 * start + size) * number // (2 * total))].append(sample)
        start += size
    return [shard for shard in shards if shard]
