"""A product's tar shards: samples noted as Parquet goes by, written in the order of their ids, which are hashes."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from throng.errors import ThrongError
from throng.provenance import canonical_json
from throng.release.arrow import ascending
from throng.release.gather import Buckets
from throng.release.joins.plan import Plan
from throng.release.pixels import Pixels
from throng.release.products import SPLITS, Area, Picture, Product
from throng.release.shards import Finished, Packer, Written, member_name, shard_name
from throng.release.tar import TarWriter

LEAST_TARS = 2
AT_ONCE = 512
PICTURE = pa.struct(
    [
        *(pa.field(name, pa.string()) for name in ("source", "path", "sha256", "medium", "backend")),
        pa.field("areas", pa.list_(pa.list_(pa.float64(), 4))),
        pa.field("released", pa.string()),
    ]
)


class Tars:
    """The samples of a plan that have pixels, on their way from the order of Parquet to that of tar shards."""

    def __init__(self, plan: Plan, scratch: Path) -> None:
        self._product = plan.product
        number = int(plan.shown.sum())
        keys = pa.table({"split": plan.splits[:number], "id": plan.ids.slice(0, number)})
        by_id = ascending(keys, ["split", "id"])
        self._splits = plan.splits[by_id]
        self._places = np.empty(number, np.int64)
        self._places[by_id] = np.arange(number)
        self._sizes = np.zeros(number, np.int64)
        self._kinds: dict[str, set[str]] = {column: set() for column in plan.product.images}
        fields = [pa.field("id", pa.string()), pa.field("json", pa.string())]
        self._schema = pa.schema([*fields, *(pa.field(column, PICTURE) for column in plan.product.images)])
        self._buckets = Buckets(scratch, self._schema, number)
        self._noted = 0
        self._held: list[dict[str, Any]] = []

    def note(self, one: Finished) -> None:
        """Take the next sample in the order of its plan."""
        names = {f"{column}_path": file.name for column, file in one.files.items()}
        row: dict[str, Any] = {"id": one.sample.id, "json": canonical_json(one.sample.fields | names)}
        for column, picture in one.sample.pictures.items():
            row[column] = _row_of(picture) | {"released": one.files[column].sha256}
            self._kinds[column].add(picture.extension)
        self._sizes[self._places[self._noted + len(self._held)]] = one.bytes
        self._held.append(row)
        if len(self._held) == AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            places = self._places[self._noted : self._noted + len(self._held)]
            self._buckets.add(pa.RecordBatch.from_pylist(self._held, schema=self._schema), places)
            self._noted += len(self._held)
            self._held = []

    def write(self, packer: Packer, pixels: Pixels) -> list[Written]:
        """Write ``webdataset/<product>/<split>-<k>-of-<n>.tar``, two or more wherever there are two samples.

        Of a sample, images come before its ``json``. Every sample of a product must have the same member names, and
        decoders go by an image's content: an image column's extension is png where all are, else jpg.
        """
        self._flush()
        kinds = {column: "png" if found == {"png"} else "jpg" for column, found in self._kinds.items()}
        rows = (row for table in self._buckets.read() for row in _rows(table))
        written: list[Written] = []
        for code, split in enumerate(SPLITS):
            sizes = self._sizes[self._splits == code]
            shards = _shards(sizes, packer.shard_bytes)
            for k, number in enumerate(shards):
                members = _members(self._product, itertools.islice(rows, number), kinds, pixels)
                written.append(_write(packer, self._product, (split, k, len(shards)), number, members))
        return written


def _write(
    packer: Packer, product: Product, place: tuple[str, int, int], rows: int, members: Iterator[tuple[str, bytes]]
) -> Written:
    base = packer.folder / "webdataset" / product.name
    base.mkdir(parents=True, exist_ok=True)
    split, k, of = place
    path = base / shard_name(split, k, of, "tar")
    with TarWriter(path) as tar:
        for name, data in members:
            tar.add(name, data)
    relative = path.relative_to(packer.folder).as_posix()
    return Written(relative, product.name, split, "webdataset", rows, tar.size, tar.sha256)


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for start in range(0, table.num_rows, AT_ONCE):
        yield from table.slice(start, AT_ONCE).to_pylist()


def _members(
    product: Product, rows: Iterator[dict[str, Any]], kinds: Mapping[str, str], pixels: Pixels
) -> Iterator[tuple[str, bytes]]:
    """Yield the tar members of samples: one per image, then ``json`` with every other column."""
    for row in rows:
        for column, kind in kinds.items():
            file = pixels.file(_picture_of(row[column]))
            if file.sha256 != row[column]["released"]:
                raise ThrongError(
                    f"{row[column]['path']} was finished twice with different bytes; this is a bug in the release"
                )
            yield f"{row['id']}.{member_name(product, column, kind)}", file.data
        yield f"{row['id']}.json", row["json"].encode()


def _row_of(picture: Picture) -> dict[str, Any]:
    return {
        "source": picture.source,
        "path": picture.path,
        "sha256": picture.sha256,
        "medium": picture.medium,
        "backend": picture.backend,
        "areas": [list(area) for area in picture.areas],
    }


def _picture_of(row: Mapping[str, Any]) -> Picture:
    areas = tuple(Area(*area) for area in row["areas"])
    return Picture(row["source"], row["path"], row["sha256"], row["medium"], row["backend"], areas)


def _shards(sizes: np.ndarray, shard_bytes: int) -> list[int]:
    """Return how many samples go to each shard: about equal bytes, by where each sample's middle falls."""
    if not len(sizes):
        return []
    total = int(sizes.sum())
    number = max(min(LEAST_TARS, len(sizes)), -(-total // shard_bytes))
    middles = 2 * (np.cumsum(sizes) - sizes) + sizes
    # in whole numbers, so that no rounding decides
    shards = np.minimum(number - 1, middles // (-(-2 * total // number)))
    return [rows for rows in np.bincount(shards).tolist() if rows]
