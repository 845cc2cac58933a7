"""One run at a time in a results folder, whichever checkout, terminal or node it is started from."""

import atexit
import os
from collections.abc import Iterable
from pathlib import Path

from throng.errors import ThrongError
from throng.holding import Hold, take

LOCK = ".run.lock"
OWN = "give this run a folder of its own (config keys results, render.folder)"


def occupy(folders: Iterable[str]) -> None:
    """Hold the folders that a run writes to until this process ends.

    The lock of a run that was killed is taken over. Raises ThrongError when another run lives, with user, host,
    process and start, or when a folder cannot be written.
    """
    for folder in sorted(set(folders)):
        path = Path(folder) / LOCK
        try:
            found = take(path)
        except OSError as error:
            raise ThrongError(
                f"{folder}: cannot be written ({error.strerror}); give yourself the right to write there, or {OWN}"
            ) from error
        if not isinstance(found, Hold):
            raise ThrongError(f"{folder}: another run is at work there ({found}); wait for it, stop it, or {OWN}")
        atexit.register(found.let_go)


def check_writable(files: Iterable[str]) -> None:
    """Raise ThrongError with the first folder, of those that will hold the files, in which nothing can be made."""
    for folder in sorted({Path(file).parent for file in files}):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise ThrongError(f"{there}: cannot be written; give yourself the right to write there, or {OWN}")
