"""The ranked pairs: two images, who went between them, or which window of the one the other is."""

from typing import Any

import pyarrow as pa

from throng.report.collection import MIXED, Classes, Collection, Numbers, Picture, Row, facts, flat, numbers
from throng.report.people import People
from throng.report.photographs import NAME as PHOTOGRAPHS
from throng.report.photographs import Names
from throng.report.reading import PART, TABLES, Tables, ordered
from throng.tables.ranked_pairs import EQUAL, MORE

NAME = "pairs"


def pairs(tables: Tables, names: Names, people: People, most: int) -> Collection:
    """Return the pairs, those of one photograph together."""
    every = tables.read("ranked_pairs", TABLES["ranked_pairs"].schema.names)
    held = ordered(every, "parent_id", "kind", "id").slice(0, most)
    return Collection(
        NAME,
        held["id"].to_pylist(),
        [
            Classes("kind", "kind", held["kind"].to_pylist()),
            Classes("relation", "relation", held["relation"].to_pylist()),
            Classes("split", "split", held["split"].to_pylist()),
            Numbers("delta", "people apart", numbers(held["delta"].to_pylist())),
            Numbers("weight", "weight in training", held["weight"].to_numpy()),
        ],
        lambda places: _rows(held.take(pa.array(places, pa.int64())), names, people),
        every.num_rows,
        order=MIXED,
    )


def _rows(held: pa.Table, names: Names, people: People) -> list[Row]:
    records = held.to_pylist()
    parents = [record["parent_id"] for record in records]
    photographs = names.of(parents, "ranked_pairs")
    return [
        _row(record, photograph, found)
        for record, photograph, found in zip(records, photographs, people.rows(parents), strict=True)
    ]


def _row(record: Row, photograph: Row, found: Row | None) -> Row:
    outer, inner = (record[f"{side}_crop"] for side in ("more", "fewer"))
    same = outer == inner
    removed = flat(_moved(People.boxes(found, record["removed"]), outer), "xywh")
    frame = {"x": 0, "y": 0, "w": photograph["width"], "h": photograph["height"]}
    return {
        "id": record["id"],
        "says": _says(record),
        "tags": [record["kind"], record["split"]],
        "pictures": [_picture(record, side, frame) for side in ("more", "fewer")],
        "slide": same,
        "gone": removed if same else [],
        "window": None if same else _within(inner or frame, outer or frame),
        "reason": "",
        "tables": [facts(record, "ranked_pairs", record[PART], (PART,))],
        "from": [
            [PHOTOGRAPHS, record["parent_id"], f"photograph {photograph['source']}: {photograph['path']}"],
            ["edits", record["parent_id"], "all edits of that photograph"],
        ],
    }


def _picture(record: Row, side: str, frame: Row) -> Picture:
    window = record[f"{side}_crop"]
    size = window or frame
    place = None if window is None else (window["x"], window["y"], window["w"], window["h"])
    return Picture(record[f"{side}_source"], record[f"{side}_path"], size["w"], size["h"], place)


def _moved(boxes: list[Row], window: Row | None) -> list[Row]:
    """Return boxes seen from the corner of a window."""
    if window is None:
        return boxes
    return [box | {"x": box["x"] - window["x"], "y": box["y"] - window["y"]} for box in boxes]


def _within(inner: Row, outer: Row) -> list[Any]:
    return [inner["x"] - outer["x"], inner["y"] - outer["y"], inner["w"], inner["h"]]


def _says(record: Row) -> str:
    if record["relation"] == MORE:
        return "more" if record["delta"] is None else f"{record['delta']} more"
    return "as many" if record["relation"] == EQUAL else "as many or more"
