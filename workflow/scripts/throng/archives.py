"""Members of a zip archive read by name, again and again and in any order: a few bytes of memory for each."""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

# of a local file header (APPNOTE.TXT, 4.3.7): its length, and where the lengths of name and extra field are
HEADER, LENGTHS = 30, 26
ENCRYPTED = 1
LONGEST_NAME = 1024  # bytes: every name takes the room of the longest
LARGEST = 1 << 62


class Archive:
    """An open zip archive.

    ``zipfile`` keeps an object of half a kilobyte for every member and parses two headers to read one. Of stored
    members, which is all that the workflow writes, this keeps name, place, size and checksum in arrays and reads them
    with two calls; all others are left to ``zipfile``.
    """

    def __init__(self, path: Path) -> None:
        self._file: Any = path.open("rb")
        self._zip: zipfile.ZipFile | None = zipfile.ZipFile(self._file)
        # of members of one name the last counts
        members = list({one.filename: one for one in self._zip.infolist()}.values())
        plain = [one for one in members if _is_plain(one)]
        names = np.array([one.filename.encode() for one in plain], np.bytes_)
        order = np.argsort(names, kind="stable")
        self._names = names[order]
        places = [(min(one.header_offset, LARGEST), min(one.file_size, LARGEST), one.CRC) for one in plain]
        self._places = np.array(places, np.int64).reshape(-1, 3)[order]
        if len(plain) == len(members):
            self._zip = None

    def read(self, name: str) -> bytes:
        """Return a member's bytes; raises KeyError when there is none, zipfile.BadZipFile when it is damaged."""
        encoded = name.encode()
        at = int(np.searchsorted(self._names, encoded))
        if at < len(self._names) and self._names[at] == encoded:
            return self._stored(name, *self._places[at].tolist())
        if self._zip is None:
            raise KeyError(f"There is no item named {name!r} in the archive")
        try:
            with self._zip.open(name) as member:
                # no more than it says it holds: without a number, all that comes out is unpacked before it is cut
                return member.read(self._zip.getinfo(name).file_size)
        except (RuntimeError, OverflowError, MemoryError, EOFError, zlib.error) as error:
            raise zipfile.BadZipFile(f"{name!r} cannot be unpacked ({error})") from error

    def _stored(self, name: str, offset: int, size: int, checksum: int) -> bytes:
        file = self._file.fileno()
        if offset + size > os.fstat(file).st_size:
            raise zipfile.BadZipFile(f"File {name!r} is cut short")
        lengths = os.pread(file, 4, offset + LENGTHS)
        skipped = HEADER + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        data = os.pread(file, size, offset + skipped)
        if len(data) != size or zlib.crc32(data) != checksum:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {name!r}")
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __del__(self) -> None:
        # as zipfile.ZipFile does: stores are dropped with their archives open
        if hasattr(self, "_file"):
            self._file.close()


def _is_plain(member: zipfile.ZipInfo) -> bool:
    stored = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & ENCRYPTED
    return stored and len(member.filename.encode()) <= LONGEST_NAME
