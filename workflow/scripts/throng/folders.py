"""A folder appears whole: it is built beside its place and put there by one rename."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its place on success and is removed on failure.

    What a killed attempt left behind is removed first, and the old release put back where it died between taking that
    away and putting the new one there; the old release goes once the new one is in place.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    building, old = (target.with_name(f".{target.name}.{word}") for word in ("building", "old"))
    if old.exists() and not target.exists():
        old.rename(target)
    for leftover in (building, old):
        shutil.rmtree(leftover, ignore_errors=True)
    building.mkdir()
    try:
        yield building
        if target.exists():
            target.rename(old)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
