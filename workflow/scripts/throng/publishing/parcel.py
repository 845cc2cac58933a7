"""What is published: the files of a release with their sizes and hashes, in the order in which they may be seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.release.index import CARD, INDEX, REBUILT, SUMS, files_below, read_index, read_sums

# a reader takes a release for whole when these are there, so they come last and in this order
LAST = (CARD, INDEX, SUMS)


class Entry(NamedTuple):
    """One file of a release."""

    path: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Parcel:
    """A release that is to be published: what it is called, and all of its files by path."""

    folder: Path
    name: str
    version: str
    files: Mapping[str, Entry]

    @property
    def contents(self) -> list[Entry]:
        """The files that may be there before the release is."""
        return [entry for path, entry in sorted(self.files.items()) if path not in LAST]

    @property
    def seals(self) -> list[Entry]:
        """The files that make a release of the contents, in the order in which they are written."""
        return [self.files[path] for path in LAST if path in self.files]

    @property
    def bytes(self) -> int:
        """Size of all files, bytes."""
        return sum(entry.bytes for entry in self.files.values())

    def local(self, entry: Entry) -> Path:
        """Return where a file is."""
        return self.folder / entry.path

    def differs(self, entry: Entry, where: str) -> ThrongError:
        """Return the error that says which of the two files is wrong when a published one has another hash."""
        if sha256_file(self.local(entry)) != entry.sha256:
            return ThrongError(
                f"{self.local(entry)}: is not what {SUMS} says; make the release again, and look at it with "
                f"throng verify {self.folder}"
            )
        return ThrongError(f"{where}: arrived with another sha256; publish again, which sends it once more")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What publishing would do: files to send, files that seem to be there (by size), files to delete, and words."""

    send: list[Entry]
    there: list[Entry]
    delete: list[str]
    notes: list[str]


class Target(Protocol):
    """A place that a release can be published to."""

    def survey(self, parcel: Parcel) -> Plan:
        """Look at the place and change nothing; raises ThrongError when the release cannot be published there."""
        ...

    def publish(self, parcel: Parcel, done: Callable[[Entry], None]) -> str:
        """Bring the release there, calling ``done`` for each verified file, and return where it can be seen."""
        ...


def parcel_of(folder: Path) -> Parcel:
    """Return a release as a parcel; raises ThrongError unless its files are exactly those of ``SHA256SUMS``.

    One that ``throng rebuild`` made holds what may not be passed on, and is refused.
    """
    index, sums = read_index(folder), read_sums(folder)
    if index.get(REBUILT):
        raise ThrongError(
            f"{folder}: was rebuilt from recipes and holds pixels that may not be passed on; publish the release itself"
        )
    found = files_below(folder)
    if strange := sorted(set(found) ^ set(sums)):
        where = "is not in SHA256SUMS" if strange[0] in found else "is in SHA256SUMS and missing"
        raise ThrongError(f"{folder}: {strange[0]} {where}; look at it with throng verify, or make the release again")
    sums[SUMS] = sha256_file(folder / SUMS)
    entries = {path: Entry(path, (folder / path).stat().st_size, sha256) for path, sha256 in sums.items()}
    if links := [path for path in entries if (folder / path).is_symlink()]:
        raise ThrongError(f"{folder}: {links[0]} is a link; a release holds the files themselves")
    return Parcel(folder, index["name"], index["version"], entries)
