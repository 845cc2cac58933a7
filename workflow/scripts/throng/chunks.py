"""Chunks are jobs: how many comes from the config, which image is in which from the hash in its id."""

import math
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
HASHED = 8  # leading hexadecimal digits of an id, which decide its chunk


def part_name(index: int, of: int) -> str:
    """Return the name of one chunk's files, e.g. ``part-003-of-016``; names of one division sort as their indices."""
    digits = max(3, len(str(of)))
    return f"part-{index:0{digits}d}-of-{of:0{digits}d}"


def parse_part(name: str) -> tuple[int, int]:
    """Return (index, of) of a :func:`part_name`; raises ThrongError for another text."""
    match = re.fullmatch(r"part-(\d+)-of-(\d+)", name)
    if match is None or int(match[1]) >= int(match[2]):
        raise ThrongError(f"{name!r} is no chunk: expected part-<index>-of-<number>, the index counted from 0")
    return int(match[1]), int(match[2])


def sharing(part: str, of: int) -> list[str]:
    """Return the names of the chunks that may hold rows of ``part`` when the same rows are divided into ``of``.

    An id's hash leaves remainder i divided by m and j divided by n only where i and j agree modulo gcd(m, n)
    (Chinese remainder theorem): one chunk where both numbers are equal, all of them where they are coprime.
    """
    index, own = parse_part(part)
    step = math.gcd(own, of)
    return [part_name(other, of) for other in range(index % step, of, step)]


def in_chunk(row_id: str, part: str) -> bool:
    """Tell whether the row of this hexadecimal id belongs to the chunk named ``part``."""
    index, of = parse_part(part)
    return int(row_id[:HASHED], 16) % of == index


def members(rows: Iterable[Row], part: str) -> dict[str, Row]:
    """Return the ok rows of a chunk by id, in id order; where several files have one content, the first of them."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.status == "ok" and in_chunk(row.id, part):
            first.setdefault(row.id, row)
    return dict(sorted(first.items()))
