"""Folder, checksums and index must name the same files with the same bytes."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.release.index import INDEX, SUMS, files_below, read_sums
from throng.release.shards import Written
from throng.release.verification.pool import in_order


def listed_files(folder: Path, index: Mapping[str, Any]) -> list[Written]:
    """Return the files of the index, once each, in the order of their paths; raises ThrongError for a bad list."""
    try:
        files = [Written(**entry) for entry in index["files"]]
        kinds = {(name, type(value)) for file in files for name, value in vars(file).items()}
    except (KeyError, TypeError) as error:
        raise ThrongError(f"{folder / INDEX}: its list of files is malformed ({error})") from error
    if any(kind is not (int if name in ("rows", "bytes") else str) for name, kind in kinds):
        raise ThrongError(f"{folder / INDEX}: its list of files is malformed (a value is of the wrong type)")
    paths = [file.path for file in files]
    if paths != sorted(set(paths)):
        raise ThrongError(f"{folder / INDEX}: its list of files is not sorted by path, each once")
    return files


def check_names(folder: Path, files: list[Written]) -> dict[str, str]:
    """Return sha256 by path; raises ThrongError unless folder, checksums and index agree on names, sizes and sha256."""
    sums = read_sums(folder)
    there = files_below(folder)
    for name in sorted({*sums, *there}):
        if name not in there:
            raise ThrongError(f"{folder / name}: missing, though {SUMS} lists it; download or make the release again")
        if name not in sums:
            raise ThrongError(f"{folder / name}: not part of the release, as {SUMS} does not list it; remove it")
        if (folder / name).is_symlink() or not (folder / name).is_file():
            raise ThrongError(f"{folder / name}: a link or no file at all, expected a file of the release")
    listed = {file.path: file for file in files}
    for name in sorted({*listed, *there} - {INDEX}):
        if name not in listed or name not in there:
            raise ThrongError(f"{folder / name}: listed by only one of {INDEX} and {SUMS}")
        size = (folder / name).stat().st_size
        if size != listed[name].bytes:
            raise ThrongError(f"{folder / name}: {size} bytes, {INDEX} says {listed[name].bytes}")
        if sums[name] != listed[name].sha256:
            raise ThrongError(f"{folder / name}: {INDEX} and {SUMS} say different sha256")
    return sums


def check_bytes(folder: Path, sums: Mapping[str, str], pool: Executor) -> Iterator[int]:
    """Yield the size of every file once its sha256 has been checked; raises ThrongError for the first that differs."""
    names = sorted(sums)
    for name, found in in_order(pool, sha256_file, [(folder / name,) for name in names], names):
        if found != sums[name]:
            raise ThrongError(f"{folder / name}: sha256 is {found[:16]}..., {SUMS} says {sums[name][:16]}...")
        yield (folder / name).stat().st_size
