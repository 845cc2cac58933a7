"""Rows that a release left out because somebody opted out, put back as rejected ones: accounts of stages still balance.

Nothing is known of them but that they were asked for, and nothing is made of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from throng.manifest import REJECTED, Table
from throng.provenance import digest
from throng.release.corpus import TABLES
from throng.release.rebuild.recipes import WITHDRAWN, Recipes
from throng.sections.synthesize import Making
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.removals import CHAIN, RemovalRow
from throng.tables.synthetic import SyntheticRow

ID_DIGITS = 16


def completed(recipes: Recipes) -> dict[str, list[Any]]:
    """Return tables removals, synthetic and calibrated_counts with a row for everything that was asked for."""
    removals: list[RemovalRow] = [*recipes.tables["removals"]]
    edited = {row.parent_id for row in removals}
    for name in sorted(recipes.photographs.keys() - edited):
        removals.append(_row("removals", id=_id("removals", name), parent_id=name, recipe=CHAIN, base_id=name))
    synthetic: list[SyntheticRow] = [*recipes.tables["synthetic"], *_unmade(recipes)]
    counts: list[CalibratedCountRow] = [*recipes.tables["calibrated_counts"]]
    counted = {row.id for row in counts}
    counts += [
        _row("calibrated_counts", id=row.id, maker=row.maker, requested=row.requested)
        for row in synthetic
        if row.id not in counted
    ]
    return {"removals": removals, "synthetic": synthetic, "calibrated_counts": counts}


def _unmade(recipes: Recipes) -> Iterator[SyntheticRow]:
    there = {(row.maker, row.prompt_id) for row in recipes.tables["synthetic"]}
    sections: Mapping[str, Any] = {
        footer["config"]["synthesize"]["name"]: footer["config"]["synthesize"]
        for footer in recipes.index["made_by"].get("synthetic", [])
    }
    for name, section in sections.items():
        maker = Making(**{key: section[key] for key in Making.model_fields})
        for prompt in recipes.tables["prompts"]:
            wanted = maker.wants(prompt.count, prompt.density, prompt.template)
            if wanted and (name, prompt.id) not in there:
                known = {"maker": name, "prompt_id": prompt.id, "requested": prompt.count, "density": prompt.density}
                known |= {"split": prompt.split, "backend": section["backend"]}
                yield _row("synthetic", id=digest(name, prompt.id)[:ID_DIGITS], **known)


def _id(table: str, name: str) -> str:
    return digest(WITHDRAWN, table, name)[:ID_DIGITS]


def _row(name: str, **known: Any) -> Any:
    """Return a rejected row of a table that says only what is known."""
    table, kind = TABLES[name]
    said = known | {"status": REJECTED, "reason": f"{WITHDRAWN}: the release does not hold this row"}
    return kind(**_nothing(table) | said)


def _nothing(table: Table) -> dict[str, Any]:
    return {field.name: None if field.nullable else _zero(field.type) for field in table.schema}


def _zero(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    return "" if pa.types.is_string(kind) else 0
