"""The edits, photograph by photograph: chains of removals, shams, and whole images rendered again."""

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from throng.report.collection import Classes, Collection, Numbers, Picture, Row, Sets, flat, kind_of_reason, numbers
from throng.report.people import People
from throng.report.photographs import NAME as PHOTOGRAPHS
from throng.report.photographs import Names
from throng.report.reading import PART, TABLES, Tables, ordered
from throng.roots import RESULTS
from throng.tables.removals import CHAIN, ENLARGE, REDUCE, SHAM

NAME = "edits"
RECIPES = {
    CHAIN: (
        "Removal chain",
        "More and more of the photograph's detected people taken out. Whoever the detector missed is still there.",
    ),
    SHAM: (
        "Sham edits",
        "As many areas as the chain's edits have, painted where nobody was detected: the count stays.",
    ),
    REDUCE: ("Rendered again with fewer people", "The whole image comes from the model, the place included."),
    ENLARGE: ("Rendered again with more people", "The whole image comes from the model, the place included."),
}
MASKS = ("mask",)


def edits(tables: Tables, names: Names, people: People, most: int) -> Collection:
    """Return every photograph that was to be edited, with all that was made of it, rejected edits included."""
    columns = [name for name in TABLES["removals"].schema.names if name not in MASKS]
    every = ordered(tables.read("removals", columns), "parent_id", "recipe", "level")
    parents = every["parent_id"].to_pylist()
    groups = [
        (parent, [place for place, _ in found])
        for parent, found in itertools.groupby(enumerate(parents), key=lambda pair: pair[1])
    ]
    held = groups[:most]
    ids = [parent for parent, _ in held]
    light = _Light(every, held)
    return Collection(
        NAME,
        ids,
        [
            Sets("recipes", "edits made", light.recipes()),
            Sets("reason", "kept or refused", light.reasons()),
            Classes("split", "split", [row["split"] for row in names.of(ids, "removals")]),
            Numbers("detected", "people detected", light.number("detected_count")),
            Numbers("removed", "most people removed", light.number("removed_count")),
            Numbers("kept", "edits kept", light.kept()),
            Numbers("residual", "most people still seen", light.number("residual")),
        ],
        lambda places: _rows(every, [held[place] for place in places], names, people),
        len(groups),
    )


class _Light:
    """What photographs are filtered by, out of all their edits."""

    def __init__(self, every: pa.Table, groups: Sequence[tuple[str, list[int]]]) -> None:
        self._every, self._groups = every, groups
        self._status, self._reason = every["status"].to_pylist(), every["reason"].to_pylist()

    def recipes(self) -> list[list[str]]:
        """Return the recipes of which each photograph has a kept edit."""
        said = self._every["recipe"].to_pylist()
        found = [{said[place] for place in places if self._status[place] == "ok"} for _, places in self._groups]
        return [sorted(recipes) or ["none"] for recipes in found]

    def reasons(self) -> list[list[str]]:
        """Return what each photograph's edits are counted under: kept, or the reasons why not."""
        words = list(map(kind_of_reason, self._status, self._reason))
        return [sorted({words[place] for place in places}) for _, places in self._groups]

    def kept(self) -> np.ndarray:
        return numbers([sum(self._status[place] == "ok" for place in places) for _, places in self._groups])

    def number(self, column: str) -> np.ndarray:
        """Return the largest value that kept edits of each photograph have, or all its edits when none was kept."""
        values = self._every[column].to_pylist()
        found = []
        for _, places in self._groups:
            kept = [place for place in places if self._status[place] == "ok"] or places
            known = [values[place] for place in kept if values[place] is not None]
            found.append(max(known) if known else None)
        return numbers(found)


def _rows(every: pa.Table, groups: Sequence[tuple[str, list[int]]], names: Names, people: People) -> list[Row]:
    ids = [parent for parent, _ in groups]
    places = [place for _, found in groups for place in found]
    records = iter(every.take(pa.array(places, pa.int64())).to_pylist())
    return [
        _row(photograph, [next(records) for _ in found], detected)
        for (_, found), photograph, detected in zip(groups, names.of(ids, "removals"), people.rows(ids), strict=True)
    ]


def _row(photograph: Row, records: list[Row], detected: Row | None) -> Row:
    whole = Picture(photograph["source"], photograph["path"], photograph["width"], photograph["height"])
    pictures = [whole]
    steps = []
    for record in records:
        kept = record["status"] == "ok"
        steps.append(
            {
                "recipe": record["recipe"],
                "says": _says(record),
                "done": _done(record),
                "picture": len(pictures) if kept else None,
                "reason": record["reason"],
                "gone": flat(People.boxes(detected, record["removed"]), "xywh"),
                "table": [
                    "removals",
                    record[PART],
                    {name: value for name, value in record.items() if name not in (PART, "removed")},
                ],
            }
        )
        if kept:
            pictures.append(Picture(RESULTS, record["path"], record["width"], record["height"]))
    return {
        "id": photograph["id"],
        "says": f"{sum(step['picture'] is not None for step in steps)} edits kept",
        "tags": [photograph["source"], photograph["split"], f"{records[0]['detected_count']} detected"],
        "pictures": pictures,
        "steps": steps,
        "reason": "",
        "tables": [],
        "from": [[PHOTOGRAPHS, photograph["id"], f"photograph {photograph['source']}: {photograph['path']}"]],
    }


def _says(record: Row) -> str:
    if record["status"] != "ok":
        return "rejected"
    if record["recipe"] == CHAIN:
        return f"{record['detected_count'] - len(record['removed'])} detected left"
    if record["recipe"] == SHAM:
        return "as many people"
    return "fewer" if record["recipe"] == REDUCE else "more"


def _done(record: Row) -> str:
    if record["recipe"] == CHAIN:
        return f"{len(record['removed'])} removed"
    if record["recipe"] == SHAM:
        return f"{record['areas']} area{'s' if record['areas'] != 1 else ''} painted"
    return f"variant {record['level']}"
