"""A kind of sample that the page lets one look through: columns to filter by, and rows a page at a time."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Row = dict[str, Any]
Window = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """An image to show: where its file is, the window of it that is meant, and that window's size in pixels."""

    source: str
    path: str
    width: int
    height: int
    window: Window | None = None


@dataclasses.dataclass(frozen=True)
class Classes:
    """A column of words, to choose one of."""

    name: str
    label: str
    values: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Sets:
    """A column of several words a sample, to choose one of that it has; at most 32 different words."""

    name: str
    label: str
    values: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A column of numbers, to choose a range of; NaN where nobody knows."""

    name: str
    label: str
    values: np.ndarray
    unit: str = ""


Column = Classes | Sets | Numbers
# the order that the page shows samples in at first: as they are written, by id, which is a hash, or the last first
WRITTEN, MIXED, LAST_FIRST = "written", "mixed", "-count"


@dataclasses.dataclass(frozen=True)
class Collection:
    """All samples of one kind, in the order that they are written in.

    ``rows`` returns what is shown of the samples at the given places; its ``pictures`` are Pictures. ``total`` counts
    the samples that the run has, of which those here may be a part.
    """

    name: str
    ids: Sequence[str]
    columns: Sequence[Column]
    rows: Callable[[Sequence[int]], list[Row]]
    total: int
    order: str = WRITTEN


def numbers(values: Sequence[Any]) -> np.ndarray:
    """Return numbers or None as float32, NaN for None."""
    return np.array([np.nan if value is None else value for value in values], np.float32)


def facts(record: Row, table: str, part: int, leave_out: Sequence[str] = ()) -> list[Any]:
    """Return what one table says of a sample: its name, the part that says it, and the values."""
    return [table, part, {name: value for name, value in record.items() if name not in leave_out}]


def flat(points: Sequence[Any] | None, names: str) -> list[float] | None:
    """Return points or boxes as one list of numbers with a decimal, None where nobody knows them."""
    return None if points is None else [round(point[name], 1) for point in points for name in names]


def kind_of_reason(status: str, reason: str) -> str:
    """Return what a row's reason is counted under: its part before the colon, or that the row was kept."""
    return "kept" if status == "ok" else reason.split(":", maxsplit=1)[0]
