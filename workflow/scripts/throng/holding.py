"""One process at a time at something in a shared folder, and who that is; a dead one holds nothing.

The holder keeps the kernel's lock on a file (flock), which ends with its process however that dies, and writes into
the file who it is. Some file systems keep such locks to one node, some have none: there a holder on another node lives
as long as it touches the file.
"""

import dataclasses
import fcntl
import getpass
import json
import os
import socket
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEAT_SECONDS = 20.0
SILENT_SECONDS = 120.0


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process that holds a file: whose it is, where it runs, and since when (UTC)."""

    user: str
    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"user {self.user}, host {self.host}, process {self.pid}, since {self.since}"


class Hold:
    """A file that this process holds until it lets go or ends."""

    def __init__(self, path: Path, descriptor: int, holder: Holder) -> None:
        self.holder = holder
        self._path, self._descriptor = path, descriptor
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat, daemon=True)
        self._beats.start()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError):  # a server that does not answer this time
                os.utime(self._descriptor)

    def let_go(self, *, done: bool = True) -> None:
        """Give the file up; it is gone when the work is done, and empty when somebody else has to do it."""
        self._ended.set()
        self._beats.join()
        with suppress(OSError):
            if done:
                self._path.unlink()
            else:
                os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def take(path: Path) -> Hold | Holder:
    """Hold ``path``, or return who else does. Raises OSError when the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            found = _try(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if isinstance(found, Hold):
            return found
        os.close(descriptor)
        if found is not None:
            return found


def _try(path: Path, descriptor: int) -> Hold | Holder | None:
    """Hold the open file, return who does, or None when it was deleted before the lock was had."""
    locks = True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _written(descriptor) or Holder("?", "?", 0, "?")
    except OSError:
        locks = False
    if not path.exists() or path.stat().st_ino != os.fstat(descriptor).st_ino:
        return None
    before = _written(descriptor)
    elsewhere = before is not None and not (locks and before.host == socket.gethostname())
    if before is not None and elsewhere and _age(path, descriptor) < SILENT_SECONDS:
        return before
    mine = Holder(getpass.getuser(), socket.gethostname(), os.getpid(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(dataclasses.asdict(mine)).encode(), 0)
    return Hold(path, descriptor, mine)


def _written(descriptor: int) -> Holder | None:
    try:
        said: Mapping[str, Any] = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(**said)
    except (ValueError, TypeError):  # empty, or being written this moment
        return None


def _age(path: Path, descriptor: int) -> float:
    """Return the seconds since the file was touched, by the clock of the file system that keeps it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".clock-") as clock:
        return os.fstat(clock.fileno()).st_mtime - os.fstat(descriptor).st_mtime
