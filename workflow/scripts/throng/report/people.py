"""Whom the detector found, by photograph; their masks stay on disk."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from throng.report.collection import Row
from throng.report.reading import Lookup, Tables

BOXES = [f"people.list.element.{name}" for name in ("x", "y", "w", "h", "score")]


class People:
    """The rows of table detections, without masks."""

    def __init__(self, tables: Tables) -> None:
        rows = tables.read("detections", ["id", "backend", "status", "reason"], BOXES)
        lengths = pa.chunked_array([part.value_lengths() for part in rows["people"].chunks], pa.int32())
        found = rows.append_column("found", lengths)
        self._lookup = Lookup(found)

    def numbers(self, ids: Sequence[str]) -> list[int | None]:
        """Return how many people were found in each photograph."""
        return self._lookup.column(ids, "found")

    def rows(self, ids: Sequence[str]) -> list[Row | None]:
        """Return the row of each photograph, None where it has none."""
        return self._lookup.find(ids)

    @staticmethod
    def told(record: Row) -> dict[str, Any]:
        """Return a row as the page tells it: the people as their number."""
        return {name: value for name, value in record.items() if name != "people"}

    @staticmethod
    def boxes(record: Row | None, indices: Sequence[int]) -> list[Row]:
        """Return some of a photograph's people, those that the row has."""
        found = record["people"] if record else []
        return [found[index] for index in indices if index < len(found)]
