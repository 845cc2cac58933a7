"""Tar archives with equal bytes for equal content: ustar headers without time, owner or host, hashed as written."""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

from throng.errors import ThrongError

BLOCK = 512
LARGEST = 8**11 - 1


class TarWriter:
    """Writes regular files into a POSIX ustar archive: mode 0644, owner 0, time 0 (IEEE 1003.1, pax, ustar format)."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self._write(b"\0" * (2 * BLOCK))
        self._file.close()

    def add(self, name: str, data: bytes) -> None:
        """Append one file; raises ThrongError for a name over 100 bytes or not ASCII, or data over 8 GiB."""
        self._write(header(name, len(data)))
        self._write(data)
        self._write(b"\0" * (-len(data) % BLOCK))

    @property
    def sha256(self) -> str:
        """Hex sha256 of what has been written so far; of the archive once it is closed."""
        return self._hash.hexdigest()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)


def header(name: str, size: int) -> bytes:
    """Return the 512 bytes before a file of ``size`` bytes; raises ThrongError as :meth:`TarWriter.add` does."""
    encoded = name.encode("ascii", "replace")
    if len(encoded) > 100 or encoded.decode() != name or size > LARGEST:
        raise ThrongError(
            f"tar member {name!r} of {size} bytes: expected an ASCII name up to 100 bytes and under 8 GiB"
        )
    fields = (
        encoded.ljust(100, b"\0")
        + b"0000644\0"
        + b"0000000\0" * 2
        + f"{size:011o}\0".encode()
        + b"00000000000\0"
        + b" " * 8
        + b"0"
        + b"\0" * 100
        + b"ustar\00000"
    ).ljust(BLOCK, b"\0")
    checksum = f"{sum(fields):06o}\0 ".encode()
    return fields[:148] + checksum + fields[156:]
