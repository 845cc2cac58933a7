"""Edits made again, photograph by photograph; what comes out identical is kept, so that a killed rebuild goes on."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from throng import removers
from throng.images import ImageStore
from throng.release.rebuild.copies import Copies
from throng.release.rebuild.pins import Pins, all_found, named, of_pipeline
from throng.release.rebuild.recipes import WITHDRAWN, Recipes
from throng.release.rebuild.surroundings import differences
from throng.removers.plan import Planner
from throng.removers.remaking import Remaker
from throng.removers.rows import member
from throng.sections.detectors import MODULES as DETECTORS
from throng.sections.remove import MODULES, Remove
from throng.tables.detections import DetectionRow
from throng.tables.removals import RemovalRow
from throng.workdir import Made, Workdir, process

DIFFERENT = "pixels differ"
FAULTS = "faults"


def remake_edits(
    recipes: Recipes,
    copies: Copies,
    found: Mapping[str, DetectionRow],
    wanted: Collection[str],
    models: Pins,
    work: Workdir,
    threads: int,
    device: str,
) -> dict[str, str]:
    """Make the ``wanted`` edits, and those they were made from, as files ``<id>.png`` of ``work``.

    Returns what is wrong with each that could not be made identical, as "short kind: detail".
    """
    groups, faults = _possible(recipes, copies, found, wanted)
    if not groups:
        return faults
    footer = recipes.footers("removals")[0]
    loaded = _remover(footer, models, device)
    if isinstance(loaded, str):
        return faults | {row.id: loaded for rows in groups.values() for row in rows}
    config, remover = loaded
    remaker = Remaker(Planner(config, footer["seed"], ImageStore(copies.folders)), remover)

    def make(photograph: str) -> Made:
        wrong: dict[str, str] = {}
        files: dict[str, bytes] = {}
        for row, made in remaker.remake(copies.rows[photograph], found[photograph], groups[photograph]):
            if isinstance(made, str):
                wrong[row.id] = made
            elif hashlib.sha256(made).hexdigest() != row.sha256:
                wrong[row.id] = f"{DIFFERENT}: edit {row.id} comes out otherwise ({_why(footer)})"
            else:
                files[member(row)] = made
        return {FAULTS: wrong}, files

    retry(work)
    items = {photograph: photograph for photograph in sorted(groups)}
    done = process(work, items, make, threads=threads if remover.parallel else 1, stage="rebuild: edits")
    for group in done.values():
        faults |= group[FAULTS]
    return faults


def retry(work: Workdir) -> None:
    """Forget what an earlier attempt could not make: this one may have been given more."""
    for key, group in work.committed().items():
        if group[FAULTS]:
            (work.path / "rows" / f"{key}.json").unlink()


def _possible(
    recipes: Recipes, copies: Copies, found: Mapping[str, DetectionRow], wanted: Collection[str]
) -> tuple[dict[str, list[RemovalRow]], dict[str, str]]:
    """Return the rows to make by photograph, those that others start from included, and what cannot be made."""
    groups: dict[str, dict[str, RemovalRow]] = {}
    faults: dict[str, str] = {}
    for name in sorted(wanted):
        row = recipes.edits.get(name)
        if row is None:
            faults[name] = f"{WITHDRAWN}: the release does not hold its row"
        elif row.parent_id in copies.faults:
            faults[name] = copies.faults[row.parent_id]
        elif row.parent_id not in found:
            faults[name] = f"undetected: the release does not say who was found in photograph {row.parent_id}"
        else:
            while row is not None and row.id not in groups.setdefault(row.parent_id, {}):
                groups[row.parent_id][row.id] = row
                row = recipes.edits.get(row.base_id)
    return {photograph: list(rows.values()) for photograph, rows in groups.items()}, faults


def _remover(footer: Mapping[str, Any], models: Pins, device: str) -> tuple[Remove, removers.Remover] | str:
    files: dict[str, list[Path]] = {}
    if footer["model"] is not None:
        answer = all_found(models, of_pipeline(footer["model"]))
        if isinstance(answer, str):
            return answer
        files = answer
    section = named(footer["config"]["remove"], files, device) | {"check": None}  # what it looked for is in the rows
    config: Remove = TypeAdapter(Remove).validate_python(section)
    return config, removers.load(config, next(iter(files.get("model", [])), None))


def _why(footer: Mapping[str, Any]) -> str:
    section = footer["config"]["remove"]
    checking = {DETECTORS[one["backend"]] for one in (section.get("check") or {"detectors": []})["detectors"]}
    return differences(footer, (MODULES[section["backend"]], *sorted(checking)))
