"""Reads a whole release again and stops at the first fault: bytes, shapes, rows, images, and how they hang together."""

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from throng.bar import Bar
from throng.errors import ThrongError
from throng.release.difference import compare_records, read_records
from throng.release.index import INDEX, REBUILT, read_index
from throng.release.products import PRODUCTS
from throng.release.records import RECORDS
from throng.release.shards import Written
from throng.release.splits import check_scenes
from throng.release.verification import points
from throng.release.verification.agreement import REPEATS, check_repeat
from throng.release.verification.documents import check_documents
from throng.release.verification.files import check_bytes, check_names, listed_files
from throng.release.verification.found import RECORD, Found
from throng.release.verification.images import Promise
from throng.release.verification.loads import check_loads
from throng.release.verification.pool import in_order
from throng.release.verification.schemas import groups_of
from throng.release.verification.shards import check_shard
from throng.release.verification.tables import TABLE_FOLDER, Plain, check_made_by, read_plain
from throng.release.verification.tars import check_tar
from throng.release.verification.totals import check_totals

# of one worker's piece of a Parquet shard
PIECE_BYTES = 64_000_000
PIECE_ROWS = 5_000
FATES = {
    "removed": "is in {one} but not in {other}",
    "added": "is in {other} but not in {one}",
    "changed": "differs between {one} and {other}",
    "moved": "is of another split in {one} than in {other}",
}


def verify(
    folder: Path, cache: Path | None = None, *, pool: Executor | None = None, rebuilt: bool = False
) -> dict[str, Any]:
    """Check all of a release, spread over ``pool`` (default: one thread).

    A release that ``throng rebuild`` made holds what may not be passed on; it is taken when ``rebuilt`` alone.

    Nothing is fetched, and nothing is written but scratch of ``datasets`` below ``cache`` (default: a temporary
    folder). Returns files, bytes, distinct images, samples by configuration and split, and one account per product of
    the rows that were kept, released and left out; raises ThrongError naming the first offending file or row.
    """
    with pool or ThreadPoolExecutor(1) as workers, tempfile.TemporaryDirectory() as scratch:
        index, files, summary = _bytes_and_totals(folder, workers)
        _check_rebuilt(folder, index, rebuilt)
        release = _Release(folder, index, files, workers)
        release.check_tables()
        release.check_samples()
        release.check_closed()
        check_scenes(release.scenes(), index.get("shared_scenes", ()))
        release.check_records()
        for repeat in REPEATS:
            check_repeat(folder, repeat, files)
        check_documents(folder, index, files)
        check_loads(folder, files, cache or Path(scratch))
        return summary | {"images": release.images()}


def verify_bytes(folder: Path, *, pool: Executor | None = None) -> dict[str, Any]:
    """Check only that a release's files are those of its index, byte by byte, and that its totals add up."""
    with pool or ThreadPoolExecutor(1) as workers:
        return _bytes_and_totals(folder, workers)[2]


def _bytes_and_totals(folder: Path, pool: Executor) -> tuple[dict[str, Any], list[Written], dict[str, Any]]:
    index = read_index(folder)
    files = listed_files(folder, index)
    sums = check_names(folder, files)
    total = sum((folder / name).stat().st_size for name in sums)
    _drain("bytes", total, check_bytes(folder, sums, pool))
    accounts = check_totals(folder, index, files)
    samples = {f"{file.config}/{file.split}": 0 for file in files if file.format == "parquet"}
    for file in files:
        if file.format == "parquet":
            samples[f"{file.config}/{file.split}"] += file.rows
    summary = {"files": len(files), "bytes": total, "samples": samples, "conservation": accounts}
    return index, files, summary


def _check_rebuilt(folder: Path, index: Mapping[str, Any], expected: bool) -> None:
    if bool(index.get(REBUILT)) == expected:
        return
    if expected:
        raise ThrongError(f"{folder}: is no rebuilt release; verify it without --rebuilt")
    raise ThrongError(
        f"{folder}: was rebuilt from recipes and holds pixels that may not be passed on; verify it with --rebuilt"
    )


def _drain(title: str, total: int, sizes: Iterable[int]) -> None:
    """Show how far a check is, in bytes."""
    done = 0
    with Bar(f"verify {title}", "MB", max(total, 1) / 1e6, 0) as bar:
        for size in sizes:
            done += size
            bar.tick(done / 1e6, "")


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Work for one process: what to check, and how many bytes that reads."""

    check: Callable[..., Found]
    arguments: tuple[Any, ...]
    size: int


class _Release:
    """What has been read of a release so far, for checks across files."""

    def __init__(self, folder: Path, index: Mapping[str, Any], files: Sequence[Written], pool: Executor) -> None:
        self._folder, self._index, self._files, self._pool = folder, index, files, pool
        self._rebuilt = bool(index.get(REBUILT))
        self._groups = {file.path: groups_of(folder, file) for file in files if file.format == "parquet"}
        self._found: list[Found] = []
        self._streamed: list[Found] = []

    def check_tables(self) -> None:
        """Read the tables without pixels, and see that they point to each other."""
        check_made_by(self._folder, self._index, self._files)
        files = [file for file in self._files if file.path.startswith(TABLE_FOLDER)]
        calls = [(self._folder, file, self._rebuilt) for file in files]
        read = {file.config: table for file, table in in_order(self._pool, read_plain, calls, files)}
        missing = [name for name in ("images", "detections", "removals", "density_labels") if name not in read]
        if missing:
            raise ThrongError(f"{self._folder}: holds no table {missing[0]}; download or make the release again")
        self._plain = Plain(self._folder, read, self._index["made_by"])
        self._plain.check_closed()
        self._promise = _promise(self._folder, self._index, self._plain)

    def check_samples(self) -> None:
        """Read every sample: Parquet shards and recipes in pieces, tar shards whole."""
        work = [*self._shards(), *self._tars()]
        _drain("samples", sum(piece.size for piece in work), self._samples(work))

    def _samples(self, work: Sequence[_Piece]) -> Iterator[int]:
        for piece, found in in_order(self._pool, _read, [(piece,) for piece in work], work):
            (self._streamed if piece.check is check_tar else self._found).append(found)
            yield piece.size

    def _shards(self) -> Iterator[_Piece]:
        """Yield runs of row groups of every shard and recipe file."""
        for file in self._files:
            if file.format != "parquet" or file.config.removesuffix("_recipes") not in PRODUCTS:
                continue
            groups: list[int] = []
            rows = size = 0
            for k, (more, stored) in enumerate(self._groups[file.path]):
                if groups and (size + stored > PIECE_BYTES or rows + more > PIECE_ROWS):
                    yield _Piece(check_shard, (self._folder, file, groups, self._promise), size)
                    groups, rows, size = [], 0, 0
                groups = [*groups, k]
                rows, size = rows + more, size + stored
            if groups:
                yield _Piece(check_shard, (self._folder, file, groups, self._promise), size)

    def _tars(self) -> Iterator[_Piece]:
        for file in self._files:
            if file.format == "webdataset":
                yield _Piece(check_tar, (self._folder, file), file.bytes)

    def check_closed(self) -> None:
        """Check that all that a sample names is in the tables, and that what it shows may be passed on."""
        plain = self._plain
        held = {
            points.PHOTOGRAPHS: plain.ids("images"),
            points.EDITS: plain.ids("removals"),
            points.MADE: plain.ids("synthetic"),
            points.COUNTED: plain.ids("calibrated_counts"),
            points.LABELLED: plain.labels(),
            points.DRAWN: plain.ids("gan_samples"),
            points.GENERATORS: plain.generators(),
        }
        shown = {points.SHOWN: plain.open_photographs(), points.SHOWN_DRAWN: plain.open_drawn()}
        if self._rebuilt:
            shown = {points.SHOWN: held[points.PHOTOGRAPHS], points.SHOWN_DRAWN: held[points.DRAWN]}
        for found in self._found:
            for kind, ids in found.points.items():
                for name, where in ids.items():
                    if name not in (held | shown)[kind]:
                        raise ThrongError(f"{where}: {_dangling(kind, name, kind in shown)}")

    def check_records(self) -> None:
        """Check that both formats hold the same samples, and ``records.parquet`` the same digests of them."""
        read, streamed = _together(self._found), _together(self._streamed)
        path = self._folder / RECORDS
        twice = read.group_by(["product", "id"]).aggregate([([], "count_all")]).filter(pc.field("count_all") > 1)
        if twice.num_rows:
            row = twice.slice(0, 1).to_pylist()[0]
            raise ThrongError(f"{self._folder}: sample {row['id']} of {row['product']} occurs more than once")
        with_pixels = read.filter(pc.field("product").isin(list(PRODUCTS)))
        _check_equal(with_pixels, streamed, f"{self._folder}", "the Parquet shards", "the tar shards")
        _check_equal(read_records(path), read, str(path), RECORDS, "the shards and recipes")
        self._check_members()

    def _check_members(self) -> None:
        for product in PRODUCTS:
            kinds = {found.members for found in self._streamed if found.config == product and found.rows}
            if len(kinds) > 1:
                raise ThrongError(f"{self._folder}: tar shards of {product} have samples of different members")

    def scenes(self) -> Iterator[tuple[str, str, str]]:
        """Yield (scene, split, what to call the row) of photographs and samples."""
        yield from self._plain.scenes()
        for found in self._found:
            for (scene, split), where in found.scenes.items():
                yield scene, split, where

    def images(self) -> int:
        """Return how many distinct images were decoded."""
        return len(set[str]().union(*(found.images for found in self._found)))


def _read(piece: _Piece) -> Found:
    return piece.check(*piece.arguments)


def _together(found: Sequence[Found]) -> pa.Table:
    tables = [one.records() for one in found]
    return pa.concat_tables(tables) if tables else RECORD.empty_table()


def _check_equal(first: pa.Table, second: pa.Table, where: str, one: str, other: str) -> None:
    """Raise ThrongError naming the first record that two tables of records do not share."""
    order = [(name, "ascending") for name in ("product", "split", "id")]
    if first.sort_by(order).equals(second.sort_by(order)):
        return
    for changes in compare_records(first, second):
        for fate, told in FATES.items():
            for name in changes.examples.get(fate, ())[:1]:
                raise ThrongError(f"{where}: sample {name} of {changes.product} {told.format(one=one, other=other)}")


def _dangling(kind: str, name: str, shown: bool) -> str:
    if kind == points.SHOWN_DRAWN:
        return f"drawn after photographs whose terms forbid passing it on, or no kept row of gan_samples: {name!r}"
    if shown:
        return f"shows pixels of image {name!r}, which may not be passed on or is unknown"
    return f"names {name!r}, which no kept row of {kind} is"


def _promise(folder: Path, index: Mapping[str, Any], plain: Plain) -> Promise:
    try:
        config = index["provenance"]["config"]["release"]
        privacy, marking = config["privacy"], config["marking"]
        return Promise(
            stripped=privacy["strip_metadata"] is True,
            marked=marking["xmp"] is True,
            blurred=privacy["blur_faces"] is True,
            rendered=frozenset(config["rendered"]),
            emptied_by=plain.emptied_by(),
        )
    except (KeyError, TypeError) as error:
        raise ThrongError(f"{folder / INDEX}: does not say how its images were finished ({error})") from error
