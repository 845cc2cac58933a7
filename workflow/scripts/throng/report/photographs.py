"""The photographs: what ingestion found, with its points, what the detector found in it, and its density."""

from collections.abc import Sequence

import pyarrow as pa

from throng.errors import ThrongError
from throng.report.collection import Classes, Collection, Numbers, Picture, Row, facts, flat, kind_of_reason, numbers
from throng.report.density import Densities
from throng.report.people import People
from throng.report.reading import PART, TABLES, Lookup, Tables, first_by_hash, ordered

NAME = "photographs"
HEAVY = ("people",)
LEFT_OUT = ("points", PART)


def photographs(tables: Tables, people: People, densities: Densities, most: int) -> Collection:
    """Return the ingested files, rejected ones included, by source and path."""
    columns = [name for name in TABLES["images"].schema.names if name not in HEAVY]
    every = tables.read("images", columns)
    held = ordered(first_by_hash(every, most, "sha256"), "source", "path")
    ids = held["id"].to_pylist()
    said = densities.of(ids)
    return Collection(
        NAME,
        ids,
        [
            Classes("source", "source", held["source"].to_pylist()),
            Classes("split", "split", held["split"].to_pylist()),
            Classes("class", "density class", said.classes),
            Classes("level", "level of service", said.levels),
            Classes("reason", "kept or why not", _reasons(held)),
            Numbers("count", "people annotated", numbers(held["count"].to_pylist())),
            Numbers("detected", "people detected", numbers(people.numbers(ids))),
            Numbers("score", "density score", numbers(said.scores)),
            Numbers("ground", "people per m²", numbers(said.ground)),
        ],
        lambda places: _rows(held.take(pa.array(places, pa.int64())), people, densities),
        every.num_rows,
    )


def _reasons(held: pa.Table) -> list[str]:
    return list(map(kind_of_reason, held["status"].to_pylist(), held["reason"].to_pylist()))


def _rows(held: pa.Table, people: People, densities: Densities) -> list[Row]:
    records = held.to_pylist()
    ids = [record["id"] for record in records]
    return [
        _row(record, found, label)
        for record, found, label in zip(records, people.rows(ids), densities.rows(ids), strict=True)
    ]


def _row(record: Row, found: Row | None, label: Row | None) -> Row:
    shown = record["status"] == "ok"
    said = [facts(record, "images", record[PART], LEFT_OUT)]
    if found:
        said.append(facts(People.told(found), "detections", found[PART], LEFT_OUT))
    if label:
        said.append(facts(label, "density_labels", label[PART], LEFT_OUT))
    return {
        "id": record["id"],
        "says": _says(record, found),
        "tags": [record["source"], record["split"], *([label["class_name"]] if label else [])],
        "pictures": [Picture(record["source"], record["path"], record["width"], record["height"])] if shown else [],
        "points": flat(record["points"], "xy"),
        "boxes": flat(found["people"], "xywh") if found else None,
        "reason": record["reason"],
        "tables": said,
        "from": [],
    }


def _says(record: Row, found: Row | None) -> str:
    if record["count"] is not None:
        return f"{record['count']} annotated"
    return f"{len(found['people'])} detected" if found else "not counted"


class Names:
    """Source, path, size and split of each photograph; of equal files the first."""

    def __init__(self, tables: Tables) -> None:
        rows = tables.read("images", ["id", "source", "path", "width", "height", "split"])
        self._lookup = Lookup(ordered(rows, "source", "path"))

    def of(self, ids: Sequence[str], wanted_by: str) -> list[Row]:
        """Return the photographs; raises ThrongError when table images lacks one."""
        found = self._lookup.find(ids)
        for image_id, row in zip(ids, found, strict=True):
            if row is None:
                raise ThrongError(
                    f"report: a row of table {wanted_by} comes from image {image_id!r}, which table images does not "
                    f"hold; rerun the stage that made it"
                )
        return [row for row in found if row is not None]
