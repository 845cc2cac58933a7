"""How crowded each image is, as label_density says, for one kind of image."""

import dataclasses
from collections.abc import Sequence

from throng.report.collection import Row
from throng.report.reading import PART, Lookup, Tables, where

PLAIN = (
    "id",
    "table",
    "count",
    "method",
    "mode",
    "score",
    "density_class",
    "class_name",
    "scale",
    "ground",
    "ground_reason",
    "status",
    "reason",
)
LABELS = [f"labels.list.element.{name}" for name in ("method", "mode", "score", "class_name")]


@dataclasses.dataclass(frozen=True)
class Said:
    """What is said of images, in their order; None or empty where nothing is."""

    classes: list[str]
    levels: list[str]
    scores: list[float | None]
    ground: list[float | None]


class Densities:
    """The rows of table density_labels of one table of images."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._lookup = Lookup(where(tables.read("density_labels", PLAIN, LABELS), "table", table))

    def of(self, ids: Sequence[str]) -> Said:
        """Return class, level of service, score and people per square metre of each image."""
        classes, scores, grounds = (self._lookup.column(ids, name) for name in ("class_name", "score", "ground"))
        return Said(
            [name or "none" for name in classes],
            [ground["level_of_service"] if ground else "unknown" for ground in grounds],
            scores,
            [ground["people_per_m2"] if ground else None for ground in grounds],
        )

    def rows(self, ids: Sequence[str]) -> list[Row | None]:
        """Return what is told of each image: a label per labeller as one line, None where nothing is."""
        return [record and _told(record) for record in self._lookup.find(ids)]


def _told(record: Row) -> Row:
    labels = {
        f"{label['method']} {label['mode']}": f"{label['class_name']} ({label['score']:.3g})"
        for label in record["labels"]
        if label["score"] is not None
    }
    return {**{name: record[name] for name in PLAIN}, "labels": labels, PART: record[PART]}
