"""A release published to a folder: copied beside its place, read back, and put there by one rename."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.publishing.parcel import Entry, Parcel, Plan
from throng.release.index import INDEX, SUMS, files_below, read_index


class FolderTarget:
    """A folder, local or mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._building, self._old = (self.folder.with_name(f".{folder.name}.{word}") for word in ("publishing", "old"))

    def survey(self, parcel: Parcel) -> Plan:
        """Look at the folder and at what a killed attempt left beside it."""
        source = parcel.folder.resolve()
        if self.folder.resolve() == source or source in self.folder.resolve().parents:
            raise ThrongError(f"{self.folder}: is the release itself or inside it; name another folder")
        notes = []
        if self.folder.exists():
            if self._holds(parcel):
                return Plan([], list(parcel.files.values()), [], ["this release is there already"])
            notes = [f"replaces {_release_in(self.folder)}, whole by whole"]
        there = [entry for entry in parcel.files.values() if _size(self._building / entry.path) == entry.bytes]
        return Plan([entry for entry in parcel.files.values() if entry not in there], there, [], notes)

    def publish(self, parcel: Parcel, done: Callable[[Entry], None]) -> str:
        """Copy what is not there yet, read everything back, and rename; what a killed attempt copied is kept."""
        self.survey(parcel)
        entries = [*parcel.contents, *parcel.seals]
        if self._holds(parcel) and all(_right(self.folder, entry) for entry in entries):
            for entry in entries:
                done(entry)
            return str(self.folder)
        self._building.mkdir(parents=True, exist_ok=True)
        for path in set(files_below(self._building)) - set(parcel.files):
            (self._building / path).unlink()
        for entry in entries:
            if not _right(self._building, entry):
                copy(parcel.local(entry), self._building / entry.path)
                if not _right(self._building, entry):
                    raise parcel.differs(entry, str(self._building / entry.path))
            done(entry)
        self._swap()
        return str(self.folder)

    def _swap(self) -> None:
        if self.folder.exists():
            shutil.rmtree(self._old, ignore_errors=True)
            self.folder.rename(self._old)
        self._building.rename(self.folder)
        shutil.rmtree(self._old, ignore_errors=True)

    def _holds(self, parcel: Parcel) -> bool:
        """Tell whether the folder holds this release, as far as its index, checksums and files' sizes say."""
        if not self.folder.is_dir() or set(files_below(self.folder)) | {SUMS} != set(parcel.files):
            return False
        same = (_size(self.folder / entry.path) == entry.bytes for entry in parcel.files.values())
        return all(same) and all(sha256_file(self.folder / e.path) == e.sha256 for e in parcel.seals)


def copy(source: Path, target: Path) -> None:
    """Copy a file's content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _right(base: Path, entry: Entry) -> bool:
    return _size(base / entry.path) == entry.bytes and sha256_file(base / entry.path) == entry.sha256


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _release_in(folder: Path) -> str:
    """Return name and version of the release in a folder; raises ThrongError when something else is there."""
    if not folder.is_dir() or (not (folder / INDEX).exists() and any(folder.iterdir())):
        raise ThrongError(f"{folder}: holds something that is no release; name a new folder, or the one of a release")
    if not (folder / INDEX).exists():
        return "an empty folder"
    index = read_index(folder)
    return f"{index['name']} {index['version']}"
