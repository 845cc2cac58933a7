"""What the runs of one counter said of the same images, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from throng.errors import ThrongError
from throng.evaluation.map_scores import MAP_COLUMNS
from throng.tables.predictions import PredictionRow

BEST_ON_TEST = "best on test"
SELECTED_HERE = "selected on this split"


@dataclass(frozen=True)
class Counted:
    """One counter's counts of N images by each of its R runs, people.

    ``true`` is (N,) and ``predicted`` (R, N); ``low`` and ``high``, (R, N), are the intervals of probability ``level``,
    None when a run has none. ``maps`` holds MAP_COLUMNS, (R, N) each, NaN where undefined. ``marks`` say what the
    weights were chosen by, when that makes their figures better than those of new images.
    """

    name: str
    runs: tuple[str, ...]
    true: np.ndarray
    predicted: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    level: float | None = None
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    marks: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name as everything printed shows it, its marks with it."""
        return f"{self.name} ({', '.join(self.marks)})" if self.marks else self.name

    @property
    def errors(self) -> np.ndarray:
        """Predicted minus true people, (R, N)."""
        return self.predicted - self.true


def counted(
    name: str, runs: Sequence[Sequence[PredictionRow]], level: float | None = None, marks: Sequence[str] = ()
) -> Counted:
    """Return the rows of a counter's ``runs`` as arrays, images by id; ``level`` is that of their intervals.

    Raises ThrongError when two runs do not count the same images.
    """
    ordered = [sorted(rows, key=lambda row: row.id) for rows in runs]
    first = [row.id for row in ordered[0]]
    for rows in ordered:
        if [row.id for row in rows] != first:
            raise ThrongError(f"runs {ordered[0][0].run} and {rows[0].run} of counter {name!r} count different images")

    def column(key: str) -> np.ndarray:
        return np.array([[getattr(row, key) for row in rows] for rows in ordered], np.float64)

    low, high = column("low"), column("high")
    known = level is not None and bool(np.isfinite(low).all() and np.isfinite(high).all())
    return Counted(
        name,
        tuple(rows[0].run for rows in ordered),
        column("count")[0],
        column("predicted"),
        low if known else None,
        high if known else None,
        level if known else None,
        {key: column(key) for key in MAP_COLUMNS},
        tuple(marks),
    )
