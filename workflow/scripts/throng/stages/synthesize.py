"""Stage ``synthesize``: one maker's images of one chunk of the prompts, none made that was made before."""

import contextlib
import dataclasses
import functools
import hashlib
import logging
import threading
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from throng import synthesizers
from throng.chunks import in_chunk
from throng.images import pack_zip
from throng.kept import FOLDER, Kept
from throng.manifest import OK, check_conserved, tally, write_table
from throng.provenance import canonical_json, digest
from throng.roots import RESULTS
from throng.sections.base import output_slice
from throng.sections.synthesize import CHOOSING, Maker
from throng.stage import Context, Files
from throng.synthesizers.gathered import read_gathered
from throng.synthesizers.protocol import Synthesizer
from throng.synthesizers.rows import HELD_OUT, TRAIN, held_out_row, made_row, member, placed_row
from throng.synthesizers.selection import chosen, read_prompts
from throng.tables import synthetic
from throng.tables.prompts import PromptRow
from throng.tables.synthetic import SyntheticRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)
ID_DIGITS = 16
MODELS = ("model", "controlnet", "loras")
IN_FLIGHT = 2  # groups: while a synthesizer that wants to be alone draws one, the other is encoded
Pixels = Path | Callable[[], bytes]


def run(inputs: Files, outputs: Files, config: Maker, context: Context) -> None:
    """Write table ``synthetic`` and the images of one maker and one chunk of prompts."""
    part = context.wildcards["part"]
    asked = [row for row in chosen(read_prompts(inputs.one("prompts")), config) if in_chunk(row.id, part)]
    wanted = {row.id: row for row in asked if row.split == TRAIN or not config.NEEDS_MATERIAL}
    maker = _Maker(inputs, config, context)
    done, pixels = _made_before(maker.kept, wanted)
    missing = {key: row for key, row in wanted.items() if key not in done}
    log.info("%d prompts: %d held out, %d made before", len(asked), len(asked) - len(wanted), len(done))
    work = maker.kept.workdir()
    if missing:
        for row in _make(work, missing, maker.synthesizer, config, context.threads):
            done[row.prompt_id], pixels[row.id] = row, work.file(member(row.id))
    table, archive = outputs.one("table"), outputs.one("pixels")
    folder = archive.relative_to(context.roots[RESULTS]).as_posix()
    rows = [placed_row(done[row.id], row, folder) if row.id in done else held_out_row(row, config) for row in asked]
    check_conserved("synthesize", [row.id for row in asked], [row.prompt_id for row in rows])
    pack_zip(archive, {member(row.id): pixels[row.id] for row in rows if row.status == OK})
    write_table(table, synthetic.TABLE, rows, context.provenance(backend=config.backend, model=maker.model))
    maker.kept.keep(table, archive)
    log.info("synthesize, %s, %s: %s", config.name, part, tally(rows))


class _Maker:
    """The synthesizer, loaded when there is something to make, and where its work is kept."""

    def __init__(self, inputs: Files, config: Maker, context: Context) -> None:
        self._job = (inputs, config)
        how = {key: value for key, value in output_slice(config).items() if key not in CHOOSING}
        prompts = inputs.one("prompts").name
        material = {name: sha for name, sha in context.parents.items() if Path(name).name != prompts}
        key = digest(canonical_json(how), context.code, canonical_json(material))[:ID_DIGITS]
        folder = context.roots[RESULTS] / FOLDER / "synthesize" / config.name
        self._models = {name: inputs.many(name) for name in MODELS if inputs.many(name)}
        self.model = self.synthesizer.model if self._models else None
        key = f"{key}-{digest(canonical_json(self.model))[:ID_DIGITS]}"
        self.kept = Kept(folder, key, context.wildcards["part"])

    @functools.cached_property
    def synthesizer(self) -> Synthesizer:
        """Return the synthesizer with what it needs."""
        inputs, config = self._job
        material = (
            read_gathered(inputs.one("material"), inputs.one("material_pixels")) if config.NEEDS_MATERIAL else None
        )
        return synthesizers.load(config, material, self._models)


def _made_before(chunk: Kept, wanted: Mapping[str, PromptRow]) -> tuple[dict[str, SyntheticRow], dict[str, Pixels]]:
    """Return the rows that were finished by an earlier job or attempt by prompt, and where their pixels are by id."""
    rows: dict[str, SyntheticRow] = {}
    pixels: dict[str, Pixels] = {}
    for table, finished in chunk.finished(synthetic.TABLE, SyntheticRow):
        archive = _opened(table.with_suffix(".zip"))
        if archive is None:
            continue
        for row in finished:
            read = partial(archive.read, member(row.id))
            if row.prompt_id in wanted and _is_whole(row, read):
                rows[row.prompt_id], pixels[row.id] = row, read
    work = chunk.workdir()
    for group in work.committed().values():
        for row in (SyntheticRow(**record) for record in group["rows"]):
            if row.prompt_id in wanted:
                rows[row.prompt_id], pixels[row.id] = row, work.file(member(row.id))
    return rows, pixels


def _opened(path: Path) -> zipfile.ZipFile | None:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        log.warning("kept images cannot be used again: %s: %s", path, error)
        return None


def _is_whole(row: SyntheticRow, read: Callable[[], bytes]) -> bool:
    if row.status != OK:
        return not row.reason.startswith(HELD_OUT)
    try:
        return hashlib.sha256(read()).hexdigest() == row.sha256
    except (KeyError, OSError, zipfile.BadZipFile):
        return False


def _make(
    work: Workdir, prompts: Mapping[str, PromptRow], synthesizer: Synthesizer, config: Maker, threads: int
) -> list[SyntheticRow]:
    """Make the images of prompts, batch by batch, and return their rows; pixels are committed to ``work``."""
    alone = threading.Lock()

    def make(group: list[PromptRow]) -> Made:
        with contextlib.nullcontext() if synthesizer.parallel else alone:
            scenes = synthesizer.synthesize(group)
        made = [made_row(config, synthesizer, *pair) for pair in zip(group, scenes, strict=True)]
        files = {member(row.id): data for row, data in made if data is not None}
        return {"rows": [dataclasses.asdict(row) for row, _ in made]}, files

    keys, groups = list(prompts), dict[str, list[PromptRow]]()
    for start in range(0, len(keys), synthesizer.batch):
        some = keys[start : start + synthesizer.batch]
        groups[digest(*some)[:ID_DIGITS]] = [prompts[key] for key in some]
    done = process(work, groups, make, threads=threads if synthesizer.parallel else IN_FLIGHT, stage="synthesize")
    return [SyntheticRow(**record) for group in done.values() for record in group["rows"]]
