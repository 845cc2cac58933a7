"""Random access into the tar shards of a release: mapped into memory, found by key, read as bytes."""

from __future__ import annotations

import bisect
import mmap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from throng.errors import ThrongError
from throng.release.tar import BLOCK

MAPPED_AT_ONCE = 256
REGULAR = (b"0", b"\0")


class Member(NamedTuple):
    """A file in an archive: key and extension as webdataset divides its name, and where its bytes are."""

    key: str
    extension: str
    start: int
    end: int


class TarShards:
    """The samples of tar shards by key; any thread and any worker process may ask.

    Keys rise from shard to shard, as the shards of a release do. A shard's headers are read once in each process, when
    a sample of it is first asked for; after that a sample costs a search and the pages of its own bytes. No more than
    ``MAPPED_AT_ONCE`` shards are open at a time.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Look at the first header of each shard; raises ThrongError for one that is missing or no such archive."""
        shards = sorted((_first_key(path), path) for path in paths)
        self._firsts = [key for key, _ in shards]
        self._paths = [path for _, path in shards]
        self._prepare()

    def _prepare(self) -> None:
        self._maps: dict[int, mmap.mmap] = {}
        self._places: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, list[str] | list[Path]]:
        return {"firsts": self._firsts, "paths": self._paths}

    def __setstate__(self, state: dict[str, list]) -> None:
        self._firsts, self._paths = state["firsts"], state["paths"]
        self._prepare()

    def read(self, key: str, extensions: Sequence[str] = ()) -> dict[str, bytes]:
        """Return a sample's files by extension, of those whose extension starts with one of ``extensions``.

        Without any, all of them. Raises ThrongError when no shard holds the key.
        """
        number = max(0, bisect.bisect_right(self._firsts, key) - 1)
        if not self._paths:
            raise ThrongError(f"sample {key!r}: there are no shards to look in")
        keys, starts = self._index(number)
        wanted = key.encode()
        at = int(np.searchsorted(keys, wanted))
        if at == len(keys) or keys[at] != wanted:
            raise ThrongError(
                f"{self._paths[number]}: holds no sample {key!r}, which belongs there; check it with throng verify"
            )
        data = self._mapped(number)
        found = {}
        for member in _members(data, self._paths[number], int(starts[at])):
            if member.key != key:
                break
            if not extensions or member.extension.startswith(tuple(extensions)):
                found[member.extension] = data[member.start : member.end]
        return found

    def _index(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        if number not in self._places:
            firsts: dict[str, int] = {}
            for member in _members(self._mapped(number), self._paths[number], 0):
                firsts.setdefault(member.key, member.start - BLOCK)
            keys = np.array([key.encode() for key in firsts])
            order = np.argsort(keys)
            self._places[number] = keys[order], np.fromiter(firsts.values(), np.int64, len(firsts))[order]
        return self._places[number]

    def _mapped(self, number: int) -> mmap.mmap:
        with self._lock:
            if number not in self._maps:
                if len(self._maps) == MAPPED_AT_ONCE:
                    del self._maps[next(iter(self._maps))]
                self._maps[number] = _map(self._paths[number])
            return self._maps[number]


def _map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ThrongError(
            f"{path}: cannot be read ({error}); fetch it again and check it with throng verify"
        ) from error


def _first_key(path: Path) -> str:
    for member in _members(_map(path), path, 0):
        return member.key
    raise ThrongError(f"{path}: an archive without samples; fetch it again and check it with throng verify")


def _members(data: mmap.mmap, path: Path, offset: int) -> Iterator[Member]:
    """Yield the regular files from a header on (POSIX ustar), down to the block of zeros that ends an archive."""
    while True:
        header = data[offset : offset + BLOCK]
        name = header[:100].rstrip(b"\0")
        if len(header) == BLOCK and not name:
            return
        try:
            size = int(header[124:135], 8)
            key, _, extension = name.decode("ascii").partition(".")
        except ValueError as error:
            raise _damaged(path, offset) from error
        start = offset + BLOCK
        if header[257:262] != b"ustar" or header[156:157] not in REGULAR or start + size > len(data):
            raise _damaged(path, offset)
        yield Member(key, extension, start, start + size)
        offset = start + -(-size // BLOCK) * BLOCK


def _damaged(path: Path, offset: int) -> ThrongError:
    return ThrongError(
        f"{path}: no file of a release begins at byte {offset}, or it is cut short; fetch it again and check it with "
        f"throng verify"
    )
