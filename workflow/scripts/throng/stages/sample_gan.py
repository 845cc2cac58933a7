"""Stage ``sample_gan``: one sampler's images of one chunk, each addressed by what decides it."""

import dataclasses
import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.chunks import in_chunk
from throng.diffusion.device import claimed
from throng.errors import ThrongError
from throng.gan.files import StoredGenerator, read_generator
from throng.gan.painter import Painter
from throng.gan.requests import Request, as_trained, every_label, requests_of
from throng.images import encode_png, pack_zip
from throng.manifest import OK, REJECTED, check_conserved, tally, write_table
from throng.provenance import canonical_json, digest
from throng.roots import RESULTS
from throng.sections.sample_gan import AsTrained, Chosen, Sampler
from throng.seeds import sample_seed
from throng.stage import Context, Files
from throng.tables import gan_samples
from throng.tables.gan_samples import GanSampleRow
from throng.workdir import Made, process

log = logging.getLogger(__name__)
STAGE = "sample_gan"
ID_DIGITS = 16
TRAIN = "train"
UNKNOWN = "unknown"


def run(inputs: Files, outputs: Files, config: Sampler, context: Context) -> None:
    """Write table ``gan_samples`` and the images of one sampler and one chunk.

    Raises ThrongError when the file holds no generator, or one that does not know a requested label.
    """
    import torch

    torch.set_num_threads(context.threads)
    stored = read_generator(inputs.one("generator"))
    planned = plan(stored, config, context.seed)
    part, archive = context.wildcards["part"], outputs.one("pixels")
    wanted = {row.id: row for row in planned if in_chunk(row.id, part)}
    work = context.workdir()
    made = process(work, wanted, _maker(stored, config), threads=1, stage=STAGE)
    folder = archive.relative_to(context.roots[RESULTS]).as_posix()
    rows = [_placed(GanSampleRow(**made[key]), folder) for key in wanted]
    check_conserved(STAGE, wanted, [row.id for row in rows])
    pack_zip(archive, {_member(row.id): work.file(_member(row.id)) for row in rows if row.status == OK})
    model = {"generator": stored.digest, "asked": str(len(planned))}
    provenance = context.provenance(backend=_architecture(stored), model=model)
    write_table(outputs.one("table"), gan_samples.TABLE, rows, provenance)
    work.remove()
    log.info("%s, %s, %s: %s", STAGE, config.name, part, tally(rows))


def plan(stored: StoredGenerator, config: Sampler, seed: int) -> list[GanSampleRow]:
    """Return the rows of all images that a sampler asks for, over all chunks, before any is drawn."""
    return [_planned(stored, config, seed, request, index) for request, index in _asked(stored, config, seed)]


def _asked(stored: StoredGenerator, config: Sampler, seed: int) -> list[tuple[Request, int]]:
    """Return every requested label with the number of its image among those of the same label."""
    if isinstance(config.labels, AsTrained):
        drawn = as_trained(stored, config.labels.images, sample_seed(seed, STAGE, config.name))
        seen: Counter[Request] = Counter()
        return [(request, seen.update([request]) or seen[request] - 1) for request in drawn]
    chosen = config.labels
    requests = requests_of(stored, chosen.values) if isinstance(chosen, Chosen) else every_label(stored)
    _check_different(requests)
    return [(request, index) for request in requests for index in range(chosen.per_label)]


def _check_different(requests: Sequence[Request]) -> None:
    for place, request in enumerate(requests):
        if request in requests[:place]:
            raise ThrongError(f"sample_gan: label {request.name!r} is asked for twice; name it once")


def _planned(stored: StoredGenerator, config: Sampler, seed: int, request: Request, index: int) -> GanSampleRow:
    label = canonical_json(request.values)
    scene = str(index) if config.same_scenes else f"{label}/{index}"
    own = sample_seed(seed, STAGE, f"{config.name}/{scene}")
    recipe: dict[str, Any] = stored.recipe
    allowed = bool(recipe.get("redistributable", False))
    permission = None if allowed else config.permission
    return GanSampleRow(
        id=digest(stored.digest, label, str(own), repr(config.truncation))[:ID_DIGITS],
        sampler=config.name,
        generator=stored.digest,
        gan=str(recipe.get("gan", "")),
        run=str(recipe.get("run", "")),
        label_kind=request.kind,
        label=list(request.values),
        label_name=request.name,
        seed_index=index,
        seed=own,
        truncation=config.truncation,
        path="",
        sha256="",
        width=0,
        height=0,
        split=TRAIN,
        scene=f"{stored.digest[:ID_DIGITS]}/{own:016x}",
        learnt_from=_learnt_from(recipe),
        licence=permission.licence if permission else str(recipe.get("licence") or UNKNOWN),
        redistributable=allowed or permission is not None,
        permission=permission.by if permission else "",
        backend=_architecture(stored),
        config_hash=str(recipe.get("config_hash", "")),
        status=OK,
        reason="",
    )


def _architecture(stored: StoredGenerator) -> str:
    generator: Any = stored.generator
    return generator.architecture["name"]


def _learnt_from(recipe: Mapping[str, Any]) -> list[str]:
    """Return the splits that a recipe names."""
    return sorted(map(str, recipe.get("splits") or []))


def _maker(stored: StoredGenerator, config: Sampler) -> Any:
    painter = Painter(stored, claimed(config.device, STAGE))

    def make(row: GanSampleRow) -> Made:
        request = Request(row.label_kind, tuple(row.label), row.label_name)  # pyright: ignore[reportArgumentType]
        try:
            (image,) = painter.images([row.seed], [request], truncation=row.truncation)
            _check_drawn(image)
        except ThrongError as error:
            return dataclasses.asdict(dataclasses.replace(row, status=REJECTED, reason=str(error))), {}
        data = encode_png(image)
        height, width = image.shape[:2]
        drawn = dataclasses.replace(row, sha256=hashlib.sha256(data).hexdigest(), width=width, height=height)
        return dataclasses.asdict(drawn), {_member(row.id): data}

    return make


def _check_drawn(image: np.ndarray) -> None:
    if not np.ptp(image):
        raise ThrongError("flat: every pixel has the same colour")


def _member(sample_id: str) -> str:
    return f"{sample_id}.png"


def _placed(row: GanSampleRow, archive: str) -> GanSampleRow:
    return dataclasses.replace(row, path=f"{archive}/{_member(row.id)}") if row.status == OK else row
