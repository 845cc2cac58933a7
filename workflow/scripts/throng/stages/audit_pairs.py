"""Stage ``audit_pairs``: every pair against the truth, and a sample of the edits pixel by pixel."""

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.auditing import order, pixels, rejections, shortcut
from throng.auditing.background import Rendered
from throng.auditing.cases import Case, worst_cases
from throng.auditing.order import Subject
from throng.auditing.page import Page
from throng.auditing.probe import Folded, Patches
from throng.auditing.survey import CONTROL, Settings, Surveyor, load_samples
from throng.chunks import members, part_name
from throng.errors import ThrongError
from throng.files import write_text
from throng.images import ImageStore
from throng.manifest import OK, check_conserved, read_rows, write_table
from throng.sections.audit_pairs import AuditPairs
from throng.seeds import generator, sample_seed
from throng.stage import Context, Files
from throng.tables import audit, audited_edits, detections, images, ranked_pairs, removals
from throng.tables.audited_edits import AuditedEditRow
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow
from throng.workdir import Workdir, process

log = logging.getLogger(__name__)
Record = dict[str, Any]


def run(inputs: Files, outputs: Files, config: AuditPairs, context: Context) -> None:
    """Write a row per pair, a row per measured edit, all figures as JSON, and the page."""
    subjects, edits = read_subjects(inputs)
    pairs = [row for subject in subjects.values() for row in order.audit(subject)]
    check_conserved("rank_pairs", (pair.id for s in subjects.values() for pair in s.pairs), (row.id for row in pairs))
    work = context.workdir()
    chosen = choose(subjects, config.photographs, context.seed)
    store = ImageStore(context.roots)
    measured, problems, cells = survey(inputs, chosen, store, work, config, context)
    told, shortcuts = probe(measured, chosen, work, cells, config, context.seed)
    measured = [dataclasses.replace(row, tell=told.get(row.id)) for row in measured]
    figures: Record = {
        "order": order.figures(pairs, config.target, config.bins, config.deltas),
        "shortcut": shortcuts,
        "pixels": pixels.figures(measured) | {"unmatched_backgrounds": len(problems)},
        "rejections": rejections.figures(edits, config.bins),
    }
    provenance = context.provenance()
    write_table(outputs.one("audit"), audit.TABLE, pairs, provenance)
    write_table(outputs.one("edits"), audited_edits.TABLE, measured, provenance)
    write_text(outputs.one("figures"), json.dumps(figures, indent=1, sort_keys=True, allow_nan=False) + "\n")
    cases = worst_cases(pairs, measured, subjects, config.cases, config.contacts, context.seed)
    write_text(outputs.one("page"), page(cases, figures, subjects, store, config))
    store.close()
    work.remove()
    report(figures)


def read_subjects(inputs: Files) -> tuple[dict[str, Subject], list[RemovalRow]]:
    """Return every readable photograph with its detections, kept edits and pairs by id, and all rows of removals."""
    photographs = members(read_rows(inputs.one("images"), images.TABLE, ImageRow), part_name(0, 1))
    found = {row.id: row for row in read_rows(inputs.many("detections"), detections.TABLE, DetectionRow)}
    edits = read_rows(inputs.many("removals"), removals.TABLE, RemovalRow)
    pairs = read_rows(inputs.one("ranked_pairs"), ranked_pairs.TABLE, RankedPairRow)
    check_conserved("remove", photographs, {row.parent_id for row in edits})
    kept: dict[str, dict[str, RemovalRow]] = {key: {} for key in photographs}
    for row in edits:
        if row.status == OK:
            kept[row.parent_id][row.id] = row
    paired: dict[str, list[RankedPairRow]] = {key: [] for key in photographs}
    for pair in pairs:
        if pair.parent_id not in paired:
            raise ThrongError(f"pair {pair.id} is of photograph {pair.parent_id}, which is not among the images")
        paired[pair.parent_id].append(pair)
    subjects = {
        key: Subject(photograph, found[key].people if key in found else [], kept[key], paired[key])
        for key, photograph in photographs.items()
    }
    return subjects, edits


def choose(subjects: Mapping[str, Subject], number: int, seed: int) -> dict[str, Subject]:
    """Return the photographs with edits whose edits are measured: the ``number`` smallest hashes, in id order."""
    edited = [key for key, subject in subjects.items() if subject.edits]
    first = sorted(edited, key=lambda key: sample_seed(seed, "audit_pairs", key))[:number]
    return {key: subjects[key] for key in sorted(first)}


def survey(
    inputs: Files,
    chosen: Mapping[str, Subject],
    store: ImageStore,
    work: Workdir,
    config: AuditPairs,
    context: Context,
) -> tuple[list[AuditedEditRow], list[str], dict[str, int]]:
    """Measure the chosen photographs' edits, one photograph at a time per thread; features stay in ``work``."""
    truth = inputs.many("truth") if config.rerender else []
    rendered = Rendered(truth[0] if truth else None, context.seed, context.roots)
    surveyor = Surveyor(store, rendered, Settings(config.ring_px, config.patch, config.patches, context.seed))
    made = process(work, chosen, surveyor.measure, threads=context.threads, stage="audit_pairs")
    ordered = [made[key] for key in sorted(made)]
    rows = [AuditedEditRow(**row) for item in ordered for row in item["edits"]]
    problems = [problem for item in ordered for problem in item["problems"]]
    return rows, problems, {edit: number for item in ordered for edit, number in item["cells"].items()}


def probe(
    rows: Sequence[AuditedEditRow],
    chosen: Mapping[str, Subject],
    work: Workdir,
    cells: Mapping[str, int],
    config: AuditPairs,
    seed: int,
) -> tuple[dict[str, float], list[Record]]:
    """Return how much more edited than its photograph each edit looks, and the figures of every backend's probe."""
    painted, control = read_patches(rows, work)
    bases = {key: edit.base_id for subject in chosen.values() for key, edit in subject.edits.items()}
    told: dict[str, float] = {}
    records: list[Record] = []
    for backend in sorted({row.backend for row in rows}):
        mine = [row for row in rows if row.backend == backend and row.status == OK]
        lessons = [painted[row.id] for row in mine if shortcut.teaches(row) and row.id in painted]
        judged = [painted[row.id] for row in mine if shortcut.clean(row) and row.id in painted]
        quiet = [control[row.id] for row in mine if row.id in control]
        probes, controls = Folded(lessons, config.folds), Folded(quiet, config.folds)
        stepped: dict[str, float] = {}
        if probes.ready:
            own = {row.id: cells[row.id] for row in mine if row.id in cells}
            stepped = shortcut.steps(probes, [painted[key] for key in own if key in painted], own)
            told |= shortcut.tells(bases, stepped)
        shams = shortcut.sham_pairs(mine, {key: step for key, step in stepped.items() if cells[key]})
        rules = shortcut.rule_figures(_pairs_among(mine, chosen), told)
        records.append(
            {
                "backend": backend,
                "painted": shortcut.patch_figures(probes, judged, generator(seed, "audit_pairs", "painted")),
                "control": shortcut.patch_figures(controls, quiet, generator(seed, "audit_pairs", "control")),
                "sham_pairs": shams,
                "shams_over_people": sum(shortcut.teaches(row) and not shortcut.clean(row) for row in mine),
                "edited_means_fewer": rules,
                "same_areas": shortcut.same_area_pairs(mine, told),
                "verdict": shortcut.verdict(shams, rules),
            }
        )
    return told, records


def read_patches(rows: Sequence[AuditedEditRow], work: Workdir) -> tuple[dict[str, Patches], dict[str, Patches]]:
    """Return, by edit, the features of its painted patches and of patches that nothing came near, if any."""
    painted: dict[str, Patches] = {}
    control: dict[str, Patches] = {}
    arrays: dict[str, np.ndarray] = {}
    last = ""
    for row in rows:
        path = work.file(f"{row.parent_id}.npz")
        if row.parent_id != last:
            arrays, last = (load_samples(path) if path.is_file() else {}), row.parent_id
        for name, kept in ((row.id, painted), (f"{CONTROL}-{row.id}", control)):
            if f"{name}.edited" in arrays:
                kept[row.id] = Patches(row.id, row.scene, arrays[f"{name}.edited"], arrays[f"{name}.original"])
    return painted, control


def page(
    cases: Mapping[str, Sequence[Case]],
    figures: Record,
    subjects: Mapping[str, Subject],
    store: ImageStore,
    config: AuditPairs,
) -> str:
    """Return the page's HTML."""
    closed = sorted({s.photograph.source for s in subjects.values() if not s.photograph.redistributable})
    return Page(store, subjects, config.thumbnail).render(config.title, figures, cases, closed)


def report(figures: Record) -> None:
    """Log the headline figures, and whether the target was met."""
    edited = figures["order"]["edited"]
    if edited["number"]:
        level = logging.INFO if edited["share"] >= figures["order"]["target"] else logging.WARNING
        log.log(level, "ordered correctly: %d of %d edited pairs", edited["right"], edited["number"])
    for record in figures["shortcut"]:
        log.info("%s: %s", record["backend"], record["verdict"])


def _pairs_among(rows: Sequence[AuditedEditRow], chosen: Mapping[str, Subject]) -> list[RankedPairRow]:
    ids = {row.id for row in rows}
    return [pair for s in chosen.values() for pair in s.pairs if pair.more_id in ids or pair.fewer_id in ids]
