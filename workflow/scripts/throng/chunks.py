"""Chunks are jobs: how many comes from the config, which image is in which from the hash in its id."""

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

from throng.errors import ThrongError


class _Row(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...


Row = TypeVar("Row", bound=_Row)


def part_name(index: int, of: int) -> str:
    """Return the name of one chunk's files, e.g. ``part-003-of-016``."""
    return f"part-{index:03d}-of-{of:03d}"


def parse_part(name: str) -> tuple[int, int]:
    """Return (index, of) of a :func:`part_name`; raises ThrongError for another text."""
    match = re.fullmatch(r"part-(\d+)-of-(\d+)", name)
    if match is None or int(match[1]) >= int(match[2]):
        raise ThrongError(f"{name!r} is no chunk: expected part-<index>-of-<number>, the index counted from 0")
    return int(match[1]), int(match[2])


def in_chunk(row_id: str, part: str) -> bool:
    """Tell whether the row of this hexadecimal id belongs to the chunk named ``part``."""
    index, of = parse_part(part)
    return int(row_id[:8], 16) % of == index


def members(rows: Iterable[Row], part: str) -> dict[str, Row]:
    """Return the ok rows of a chunk by id, in id order; where several files have one content, the first of them."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.status == "ok" and in_chunk(row.id, part):
            first.setdefault(row.id, row)
    return dict(sorted(first.items()))
