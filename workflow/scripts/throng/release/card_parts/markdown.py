"""Markdown that no value of a run can break out of."""

from collections.abc import Iterable, Sequence
from typing import Any

MOST_DIGITS = 12


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table of GitHub's Markdown; columns of numbers are right-aligned."""
    cells = [[cell(value) for value in row] for row in rows]
    columns = zip(*cells, strict=True) if cells else [()] * len(header)
    rules = ["---:" if _of_numbers(column) else "---" for column in columns]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(header), rules, *cells])


def _of_numbers(column: Sequence[str]) -> bool:
    starts = {value.removeprefix("-")[:1] for value in column if value not in ("", "–")}
    return bool(starts) and all(start.isdigit() for start in starts)


def cell(value: Any) -> str:
    """Return a value as the text of a table's cell."""
    if value is None:
        return "–"
    return text(value).replace("|", "\\|")


def text(value: Any) -> str:
    """Return a value as Markdown text on one line that opens no HTML, shows no picture and links nowhere by a word."""
    line = " ".join(str(value).splitlines())
    return line.replace("\\", "\\\\").replace("<", "&lt;").replace("[", "\\[")


def bullets(points: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {point}" for point in points)


def percent(value: float | None) -> str:
    """Return a share as per cent, a dash for None; what is not all or nothing never looks as if it were."""
    if value is None:
        return "–"
    ends = [f"{end:.{MOST_DIGITS}f}" for end in (0, 100)]
    for digits in range(1, MOST_DIGITS):
        shown = f"{100 * value:.{digits}f}"
        if value in (0, 1) or f"{float(shown):.{MOST_DIGITS}f}" not in ends:
            return f"{shown} %"
    return f"{100 * value:.{MOST_DIGITS}f} %"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with some decimals, a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}"
