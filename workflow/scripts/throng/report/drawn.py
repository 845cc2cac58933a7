"""What generators drew, by sampler, seed and requested label."""

import pyarrow as pa

from throng.report.collection import Classes, Collection, Numbers, Picture, Row, facts, kind_of_reason, numbers
from throng.report.reading import PART, TABLES, Tables, ordered
from throng.roots import RESULTS

NAME = "drawn"


def drawn(tables: Tables, most: int) -> Collection:
    """Return the images that samplers asked for; those of one seed, which the label alone tells apart, together."""
    every = tables.read("gan_samples", TABLES["gan_samples"].schema.names)
    held = ordered(every, "sampler", "scene", "seed_index", "label_name", "id").slice(0, most)
    return Collection(
        NAME,
        held["id"].to_pylist(),
        [
            Classes("sampler", "sampler", held["sampler"].to_pylist()),
            Classes("label", "label", [name or "none" for name in held["label_name"].to_pylist()]),
            Classes("reason", "kept or why not", _reasons(held)),
            Classes("scene", "scene", held["scene"].to_pylist()),
            Numbers("asked", "label asked for", numbers([(label or [None])[0] for label in held["label"].to_pylist()])),
            Numbers("seed", "seed", numbers(held["seed_index"].to_pylist())),
        ],
        lambda places: [_row(record) for record in held.take(pa.array(places, pa.int64())).to_pylist()],
        every.num_rows,
    )


def _reasons(held: pa.Table) -> list[str]:
    return list(map(kind_of_reason, held["status"].to_pylist(), held["reason"].to_pylist()))


def _row(record: Row) -> Row:
    kept = record["status"] == "ok"
    return {
        "id": record["id"],
        "says": record["label_name"] or "no label",
        "tags": [record["sampler"], f"seed {record['seed_index']}"],
        "pictures": [Picture(RESULTS, record["path"], record["width"], record["height"])] if kept else [],
        "reason": record["reason"],
        "tables": [facts(record, "gan_samples", record[PART], (PART,))],
        "from": [],
    }
