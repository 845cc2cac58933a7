"""Stage ``remove``: photographs with fewer and fewer people, and controls, for one chunk of photographs."""

import dataclasses
import itertools
import logging
from collections.abc import Mapping
from pathlib import Path

from throng import detectors, removers
from throng.chunk_rows import read_chunk
from throng.chunks import members
from throng.images import ImageStore, pack_zip
from throng.manifest import OK, check_conserved, tally, write_table
from throng.provenance import canonical_json, digest
from throng.removers.check import Checker
from throng.removers.plan import Planner
from throng.removers.protocol import Remover
from throng.removers.rows import Rows, member
from throng.removers.waves import Editor
from throng.roots import RESULTS
from throng.sections.remove import Remove
from throng.stage import Context, Files
from throng.tables import detections, images, removals
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)
Group = list[tuple[ImageRow, DetectionRow]]
IN_FLIGHT = 2  # groups: while the remover is busy with one, the other is decoded, checked and encoded


def run(inputs: Files, outputs: Files, config: Remove, context: Context) -> None:
    """Write a removals row for every edit of the chunk's photographs, one for each without any; pixels in a zip."""
    part = context.wildcards["part"]
    rows_in = members(read_chunk(inputs.one("images"), images.TABLE, ImageRow, part), part)
    searched = read_chunk(inputs.many("detections"), detections.TABLE, DetectionRow, part)
    found = {row.id: row for row in searched}
    check_conserved("detect", rows_in, found.keys() & rows_in.keys())
    scratch = context.workdir()
    remover = removers.load(config, next(iter(inputs.many("model")), None))
    checker, models = _checker(inputs, config, scratch)
    work = Workdir(scratch.path / digest(canonical_json([remover.model, *models]))[:16])
    pixels = outputs.one("pixels")
    folder = pixels.relative_to(context.roots[RESULTS]).as_posix()
    planner = Planner(config, context.seed, ImageStore(context.roots))
    rows_of = Rows(config.backend, remover, folder)
    with Editor(remover, checker, rows_of, context.seed, context.threads) as editor:

        def make(group: Group) -> Made:
            made = editor.make([planner.plan(*item) for item in group])
            files = {member(row): content for row, content in made if content is not None}
            return {"rows": [dataclasses.asdict(row) for row, _ in made]}, files

        groups = _groups({key: (row, found[key]) for key, row in rows_in.items()}, remover)
        threads = context.threads if remover.parallel else IN_FLIGHT
        done = process(work, groups, make, threads=threads, stage="remove")
    rows = [RemovalRow(**row) for group in done.values() for row in group["rows"]]
    check_conserved("remove", rows_in, [row.parent_id for row in rows])
    files: dict[str, bytes | Path] = {member(row): work.file(member(row)) for row in rows if row.status == OK}
    pack_zip(pixels, files)
    provenance = context.provenance(backend=config.backend, model=remover.model)
    write_table(outputs.one("table"), removals.TABLE, rows, provenance)
    scratch.remove()
    for recipe, some in itertools.groupby(sorted(rows, key=lambda row: row.recipe), key=lambda row: row.recipe):
        log.info("remove: %s: %s", recipe, tally(some))


def _checker(inputs: Files, config: Remove, scratch: Workdir) -> tuple[Checker | None, list[Mapping[str, str] | None]]:
    """Load the check's detectors, the input ``check_models`` in the order of the section, and say which they are."""
    if config.check is None:
        return None, []
    named = zip(config.check.detectors, inputs.many("check_models"), strict=True)
    loaded = [detectors.load(one, model, scratch.path / "library") for one, model in named]
    return Checker(config.check, loaded), [detector.model for detector in loaded]


def _groups(items: Mapping[str, tuple[ImageRow, DetectionRow]], remover: Remover) -> dict[str, Group]:
    """Cut photographs into what the remover takes at once, by a key that names who is in it."""
    groups: dict[str, Group] = {}
    for start in range(0, len(items), remover.batch):
        keys = list(items)[start : start + remover.batch]
        groups[digest(*keys)[:16]] = [items[key] for key in keys]
    return groups
