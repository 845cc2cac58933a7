"""The synthesised images: what was asked for, what is there, and what a filter said."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from throng.report.collection import (
    LAST_FIRST,
    Classes,
    Collection,
    Numbers,
    Picture,
    Row,
    facts,
    flat,
    kind_of_reason,
    numbers,
)
from throng.report.density import Densities
from throng.report.photographs import NAME as PHOTOGRAPHS
from throng.report.reading import PART, TABLES, Lookup, Tables, first_by_hash, ordered
from throng.roots import RESULTS

NAME = "synthetic"
HEAVY = ("masks",)
LEFT_OUT = ("points", "boxes", PART)


def synthetic(tables: Tables, densities: Densities, most: int) -> Collection:
    """Return every image that a maker was asked for, rejected ones included, by requested number."""
    columns = [name for name in TABLES["synthetic"].schema.names if name not in HEAVY]
    every = tables.read("synthetic", columns)
    held = ordered(first_by_hash(every, most), "requested", "density", "maker", "id")
    known = Lookup(tables.read("calibrated_counts", TABLES["calibrated_counts"].schema.names))
    prompts = Lookup(tables.read("prompts", TABLES["prompts"].schema.names))
    ids = held["id"].to_pylist()
    counts, requested = numbers(known.column(ids, "count")), numbers(held["requested"].to_pylist())
    said = densities.of(ids)
    return Collection(
        NAME,
        ids,
        [
            Classes("maker", "maker", held["maker"].to_pylist()),
            Classes("split", "split", held["split"].to_pylist()),
            Classes("class", "density class", said.classes),
            Classes("reason", "kept or filtered", _reasons(known, ids)),
            Numbers("requested", "people requested", requested),
            Numbers("count", "people there", counts),
            Numbers("error", "people off", np.abs(counts - requested)),
            Numbers("weight", "weight in training", numbers(known.column(ids, "weight"))),
            Numbers("agreement", "seen as requested", numbers(known.column(ids, "agreement"))),
        ],
        lambda places: _rows(held.take(pa.array(places, pa.int64())), known, prompts, densities),
        every.num_rows,
        order=LAST_FIRST,
    )


def _reasons(known: Lookup, ids: Sequence[str]) -> list[str]:
    status, reasons = known.column(ids, "status"), known.column(ids, "reason")
    return [kind_of_reason(one or "", why or "") for one, why in zip(status, reasons, strict=True)]


def _rows(held: pa.Table, known: Lookup, prompts: Lookup, densities: Densities) -> list[Row]:
    records = held.to_pylist()
    ids = [record["id"] for record in records]
    found = known.find(ids), prompts.find([record["prompt_id"] for record in records]), densities.rows(ids)
    return [_row(record, *said) for record, *said in zip(records, *found, strict=True)]


def _row(record: Row, known: Row | None, prompt: Row | None, label: Row | None) -> Row:
    made = record["status"] == "ok"
    said = [facts(record, "synthetic", record[PART], LEFT_OUT)]
    for name, other in (("prompts", prompt), ("calibrated_counts", known), ("density_labels", label)):
        if other:
            said.append(facts(other, name, other[PART], (PART,)))
    return {
        "id": record["id"],
        "says": f"{_count(known)} of {record['density'] if record['requested'] is None else record['requested']}",
        "tags": [record["maker"], record["split"], *([label["class_name"]] if label else [])],
        "text": prompt["text"] if prompt else "",
        "pictures": [Picture(RESULTS, record["path"], record["width"], record["height"])] if made else [],
        "points": flat(record["points"], "xy"),
        "boxes": flat(record["boxes"], "xywh"),
        "reason": record["reason"] or (known["reason"] if known else ""),
        "tables": said,
        "from": [[PHOTOGRAPHS, parent, _part(parent, record)] for parent in record["parents"]],
    }


def _count(known: Row | None) -> str:
    if known is None or known["count"] is None:
        return "unknown"
    return f"{known['count']:g}" if known["exact"] else f"{known['count']:.1f} ± {known['std'] or 0:.1f}"


def _part(parent: str, record: Row) -> str:
    return "background" if parent == record["background_id"] else "cut-out"
