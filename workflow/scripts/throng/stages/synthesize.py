"""Stage ``synthesize``: one image per prompt of a chunk, made of training photographs alone."""

import dataclasses
import hashlib
import logging
from typing import Any

from throng import synthesizers
from throng.chunks import in_chunk
from throng.errors import ThrongError
from throng.images import ImageStore, encode_jpeg, pack_zip
from throng.manifest import OK, REJECTED, check_conserved, read_rows, tally, write_table
from throng.sections.synthesize import Synthesize
from throng.stage import Context, Files
from throng.synthesizers.protocol import Material, RefusedPromptError, Scene, Synthesizer
from throng.tables import detections, images, prompts, removals, synthetic
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.prompts import PromptRow
from throng.tables.removals import CHAIN, RemovalRow
from throng.tables.synthetic import SyntheticRow
from throng.workdir import Made, process

log = logging.getLogger(__name__)
TRAIN = "train"


def run(inputs: Files, outputs: Files, config: Synthesize, context: Context) -> None:
    """Write table ``synthetic`` and the images of one chunk of prompts."""
    part = context.wildcards["part"]
    asked = [row for row in read_rows(inputs.one("prompts"), prompts.TABLE, PromptRow) if in_chunk(row.id, part)]
    work = context.workdir()
    wanted = {row.id: row for row in asked if row.split == TRAIN}
    rows = [held_out(row, config.backend) for row in asked if row.split != TRAIN]
    if wanted:
        synthesizer = synthesizers.load(config, training_material(inputs, context), work.path)

        def make(prompt: PromptRow) -> Made:
            return made_row(synthesizer, prompt, part, config)

        made = process(work, wanted, make, threads=context.threads, stage="synthesize")
        rows += [SyntheticRow(**row) for row in made.values()]
    check_conserved("synthesize", [row.id for row in asked], [row.id for row in rows])
    kept = [row.id for row in rows if row.status == OK]
    pack_zip(outputs.one("pixels"), {f"{name}.jpg": work.file(f"{name}.jpg") for name in kept})
    write_table(outputs.one("table"), synthetic.TABLE, rows, context.provenance(backend=config.backend))
    work.remove()
    log.info("synthesize, %s: %s", part, tally(rows))


def training_material(inputs: Files, context: Context) -> Material:
    """Return the training photographs with their detections and the edits without anybody; no other is ever read."""
    ingested = read_rows(inputs.one("images"), images.TABLE, ImageRow)
    photographs = {row.id: row for row in ingested if row.status == OK and row.split == TRAIN}
    held = {row.id for row in ingested if row.status == OK and row.split != TRAIN}
    photographs = {name: row for name, row in photographs.items() if name not in held}
    found = read_rows(inputs.many("detections"), detections.TABLE, DetectionRow)
    edits = read_rows(inputs.many("removals"), removals.TABLE, RemovalRow)
    return Material(
        photographs=photographs,
        detections={row.id: row for row in found if row.id in photographs},
        emptied={
            row.parent_id: row
            for row in edits
            if row.recipe == CHAIN
            and row.parent_id in photographs
            and row.status == OK
            and 0 < row.detected_count == len(set(row.removed))
        },
        store=ImageStore(context.roots),
    )


def held_out(prompt: PromptRow, backend: str) -> SyntheticRow:
    """Return the rejected row of a prompt that is not for training."""
    return _row(prompt, backend, f"held out: a prompt of split {prompt.split} is not made of training photographs")


def made_row(synthesizer: Synthesizer, prompt: PromptRow, part: str, config: Any) -> Made:
    """Return the row and the image of a prompt, or a rejected row that says why there is none."""
    try:
        scene = synthesizer.synthesize(prompt)
    except RefusedPromptError as refusal:
        return dataclasses.asdict(_row(prompt, config.backend, str(refusal))), {}
    _check(prompt, scene)
    data = encode_jpeg(scene.pixels, config.jpeg_quality)
    background, name = scene.background, f"{prompt.id}.jpg"
    row = dataclasses.replace(
        _row(prompt, config.backend, ""),
        count=scene.count,
        points=scene.points,
        boxes=scene.boxes,
        path=f"synthesize/{part}.zip/{name}",
        sha256=hashlib.sha256(data).hexdigest(),
        width=scene.pixels.shape[1],
        height=scene.pixels.shape[0],
        scene=background.scene if background else "",
        background_id=background.id if background else "",
        parents=sorted(parent.id for parent in scene.parents),
        licence=" AND ".join(sorted({parent.licence for parent in scene.parents})),
        redistributable=all(parent.redistributable for parent in scene.parents),
        status=OK,
    )
    return dataclasses.asdict(row), {name: data}


def _check(prompt: PromptRow, scene: Scene) -> None:
    """Raise ThrongError when a synthesizer's own figures disagree: a wrong label must never be written."""
    figures = {len(known) for known in (scene.points, scene.boxes) if known is not None} | {scene.count}
    if len(figures) > 1:
        raise ThrongError(f"prompt {prompt.id}: count, points and boxes disagree ({sorted(figures)}); a bug, not data")


def _row(prompt: PromptRow, backend: str, reason: str) -> SyntheticRow:
    return SyntheticRow(
        id=prompt.id,
        requested=prompt.count,
        count=0,
        points=None,
        boxes=None,
        path="",
        sha256="",
        width=0,
        height=0,
        split=prompt.split,
        scene="",
        background_id="",
        parents=[],
        licence="",
        redistributable=False,
        backend=backend,
        status=REJECTED,
        reason=reason,
    )
