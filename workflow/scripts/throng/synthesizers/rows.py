"""Rows of table ``synthetic``: what a maker made of a prompt, checked before it is written."""

import dataclasses
import hashlib

from throng.errors import ThrongError
from throng.images import encode_jpeg
from throng.manifest import OK, REJECTED
from throng.provenance import canonical_json, digest
from throng.sections.synthesize import Maker
from throng.synthesizers.protocol import Scene, Synthesizer
from throng.tables.prompts import PromptRow
from throng.tables.synthetic import SyntheticRow

TRAIN = "train"
HELD_OUT = "held out"
ID_DIGITS = 16


def member(row_id: str) -> str:
    """Return the name of a row's image in its chunk's zip."""
    return f"{row_id}.jpg"


def made_row(
    config: Maker, synthesizer: Synthesizer, prompt: PromptRow, made: Scene | str
) -> tuple[SyntheticRow, bytes | None]:
    """Return the row and the JPEG of a prompt's image, or a rejected row that says why there is none."""
    bare = _row(prompt, config, options=canonical_json(synthesizer.options) if synthesizer.options else "")
    if isinstance(made, str):
        return dataclasses.replace(bare, reason=made), None
    _check(prompt, made)
    data = encode_jpeg(made.pixels, config.jpeg_quality)
    background = made.background
    row = dataclasses.replace(
        bare,
        count=made.count,
        points=made.points,
        boxes=made.boxes,
        masks=made.masks,
        sha256=hashlib.sha256(data).hexdigest(),
        width=made.pixels.shape[1],
        height=made.pixels.shape[0],
        scene=background.scene if background else "",
        background_id=background.id if background else "",
        parents=sorted(parent.id for parent in made.parents),
        licence=made.licence,
        redistributable=made.redistributable,
        status=OK,
    )
    return row, data


def _check(prompt: PromptRow, scene: Scene) -> None:
    """Raise ThrongError when a synthesizer's own figures disagree: a wrong label must never be written."""
    known = {len(some) for some in (scene.points, scene.boxes, scene.masks) if some is not None}
    if known and known != {scene.count}:
        raise ThrongError(
            f"prompt {prompt.id}: count {scene.count} and {sorted(known)} points, boxes or masks; a bug, not data"
        )
    if scene.count is not None and not prompt.fewest <= scene.count <= prompt.most:
        raise ThrongError(
            f"prompt {prompt.id}: {scene.count} people, asked for {prompt.fewest} to {prompt.most}; a bug, not data"
        )
    if prompt.split != TRAIN and scene.parents:
        raise ThrongError(f"prompt {prompt.id}: training pixels in an image of split {prompt.split}; a bug, not data")


def placed_row(row: SyntheticRow, prompt: PromptRow, folder: str) -> SyntheticRow:
    """Return a row as its present prompt and chunk have it: it may have been made for other ones."""
    path = f"{folder}/{member(row.id)}" if row.status == OK else ""
    return dataclasses.replace(row, path=path, split=prompt.split)


def held_out_row(prompt: PromptRow, config: Maker) -> SyntheticRow:
    """Return the rejected row of a prompt that is not for training, of a maker whose material is."""
    reason = f"{HELD_OUT}: a prompt of split {prompt.split} is not made of training photographs"
    return dataclasses.replace(_row(prompt, config, options=""), reason=reason)


def _row(prompt: PromptRow, config: Maker, options: str) -> SyntheticRow:
    """Return a rejected row without a reason."""
    return SyntheticRow(
        id=digest(config.name, prompt.id)[:ID_DIGITS],
        prompt_id=prompt.id,
        maker=config.name,
        requested=prompt.count,
        density=prompt.density,
        count=None,
        points=None,
        boxes=None,
        masks=None,
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
        backend=config.backend,
        options=options,
        status=REJECTED,
        reason="",
    )
