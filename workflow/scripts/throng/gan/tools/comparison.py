"""Figures of several generators side by side, whatever evaluate_gan measured of each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throng.errors import ThrongError

NAMING = ("name", "judge", "label")


@dataclass(frozen=True)
class Figure:
    """One number of a metrics file and, where it was resampled, the ends of its interval."""

    value: float
    interval: tuple[float, float] | None = None
    measured: bool = True

    def text(self) -> str:
        """Return the number as a table shows it."""
        if self.interval is None:
            return f"{self.value:.4g}"
        low, high = self.interval
        return f"{self.value:.4g} ({low:.4g} to {high:.4g})"


def read_figures(path: Path) -> dict[str, Figure]:
    """Return every number of a metrics file of evaluate_gan by where it stands, ``quality/random/frechet``.

    A mapping with ``value`` and ``interval`` is one figure; members of a list go by their name. Raises ThrongError for
    a file that is no such JSON.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ThrongError(f"{path}: not readable as JSON ({error}); name a metrics.json of evaluate_gan") from error
    if not isinstance(found, dict) or "generator" not in found:
        raise ThrongError(f"{path}: says of no generator; name a metrics.json of evaluate_gan")
    figures = dict(_figures(found, ""))
    if not any(figure.measured for figure in figures.values()):
        raise ThrongError(f"{path}: holds nothing that was measured; name a metrics.json of evaluate_gan")
    return figures


def title_of(path: Path) -> str:
    """Return what a metrics file's generator is called: its name and run."""
    generator = json.loads(path.read_text(encoding="utf-8"))["generator"]
    named = [str(generator[key]) for key in ("gan", "run") if generator.get(key)]
    return " ".join(named) or path.parent.name


def _figures(value: Any, where: str) -> Iterator[tuple[str, Figure]]:
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield where, Figure(float(value), measured=False)
    elif isinstance(value, dict):
        if isinstance(value.get("value"), int | float):
            ends = value.get("interval")
            yield where, Figure(float(value["value"]), (float(ends[0]), float(ends[1])) if ends else None)
        for key, inner in value.items():
            if key not in ("value", "interval"):
                yield from _figures(inner, f"{where}/{key}" if where else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _figures(inner, f"{where}/{_name(inner, number)}")


def _name(member: Any, number: int) -> str:
    if isinstance(member, dict):
        for key in NAMING:
            if isinstance(member.get(key), str):
                return member[key]
    return str(number)


def rows_of(files: Sequence[Mapping[str, Figure]], *, everything: bool = False) -> dict[str, list[Figure | None]]:
    """Return each figure's numbers over the files; without ``everything`` those that were measured, not counted."""
    names = list(dict.fromkeys(name for figures in files for name in figures))
    rows = {name: [figures.get(name) for figures in files] for name in names}
    return {name: row for name, row in rows.items() if everything or any(figure and figure.measured for figure in row)}


def as_csv(titles: Sequence[str], files: Sequence[Mapping[str, Figure]]) -> str:
    """Return every number of every file as CSV: generator, figure, value, low, high."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("generator", "figure", "value", "low", "high"))
    for title, figures in zip(titles, files, strict=True):
        for name, figure in figures.items():
            writer.writerow((title, name, repr(figure.value), *(figure.interval or ("", ""))))
    return text.getvalue()
