"""Stage ``remove``: chains of edits with fewer and fewer people, for one chunk of photographs."""

import dataclasses
import hashlib
import itertools
import logging
from pathlib import Path

import numpy as np

from throng import removers
from throng.chunks import members
from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_png, pack_zip
from throng.manifest import OK, REJECTED, check_conserved, read_rows, tally, write_table
from throng.provenance import canonical_json, digest
from throng.removers import masks
from throng.removers.protocol import Remover, Request
from throng.removers.selection import chain
from throng.roots import RESULTS
from throng.sections.remove import Remove
from throng.seeds import generator, sample_seed
from throng.stage import Context, Files
from throng.tables import detections, images, removals
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow
from throng.workdir import Made, process

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Remove, context: Context) -> None:
    """Write a removals row for every edit of the chunk's photographs, one for each without any; pixels in a zip."""
    rows_in = members(read_rows(inputs.one("images"), images.TABLE, ImageRow), context.wildcards["part"])
    found = {row.id: row for row in read_rows(inputs.many("detections"), detections.TABLE, DetectionRow)}
    check_conserved("detect", rows_in, found.keys() & rows_in.keys())
    pixels = outputs.one("pixels")
    folder = pixels.relative_to(context.roots[RESULTS]).as_posix()
    editor = Editor(config, removers.load(config, next(iter(inputs.many("model")), None)), context, folder)
    work = context.workdir()
    items = {key: (row, found[key]) for key, row in rows_in.items()}
    made = process(work, items, editor.make, threads=context.threads, stage="remove")
    rows = [RemovalRow(**row) for item in made.values() for row in item["rows"]]
    check_conserved("remove", rows_in, [row.parent_id for row in rows])
    files: dict[str, bytes | Path] = {member(row): work.file(member(row)) for row in rows if row.status == OK}
    pack_zip(pixels, files)
    provenance = context.provenance(backend=config.backend, model=editor.remover.model)
    write_table(outputs.one("table"), removals.TABLE, rows, provenance)
    work.remove()
    log.info("remove: %s", tally(rows))


def member(row: RemovalRow) -> str:
    """Return the name of an edited image in the chunk's zip."""
    return f"{row.id}.png"


class Editor:
    """Makes the chain of one photograph."""

    def __init__(self, config: Remove, remover: Remover, context: Context, folder: str) -> None:
        self.remover = remover
        self._config, self._context, self._folder = config, context, folder
        self._store = ImageStore(context.roots)

    def make(self, item: tuple[ImageRow, DetectionRow]) -> Made:
        """Return the rows of the photograph's chain, by level, and the edited images."""
        photograph, found = item
        if photograph.split not in self._config.splits:
            return self._nothing(photograph, found, f"split: {photograph.split} is not in remove.splits")
        if found.status != OK:
            return self._nothing(photograph, found, f"undetected: {found.reason}")
        if not found.people:
            return self._nothing(photograph, found, "nobody: no person was detected")
        levels = self._choose(found)
        if not levels:
            return self._nothing(photograph, found, f"few: none of {len(found.people)} people can go alone")
        data = self._store.read_bytes(photograph.source, photograph.path)
        try:
            image = decode(data)
            covered = self._masks(image, found, levels)
        except ThrongError as error:
            return self._nothing(photograph, found, f"unreadable: {error}")
        return self._edit(photograph, found, image, levels, covered)

    def _choose(self, found: DetectionRow) -> list[list[int]]:
        boxes = np.array([[person["x"], person["y"], person["w"], person["h"]] for person in found.people])
        random = generator(self._context.seed, "remove", found.id)
        return chain(boxes, self._config.kept, self._config.overlap, random)

    def _masks(self, image: np.ndarray, found: DetectionRow, levels: list[list[int]]) -> list[np.ndarray]:
        config = self._config
        people = masks.scene(
            found.people,
            *image.shape[:2],
            dilation_px=config.dilation_px,
            dilation_share=config.dilation_share,
            shadow_share=config.shadow_share,
        )
        return [people.without(removed) for removed in levels]

    def _edit(
        self,
        photograph: ImageRow,
        found: DetectionRow,
        image: np.ndarray,
        levels: list[list[int]],
        covered: list[np.ndarray],
    ) -> Made:
        limit = self._config.max_masked
        usable = [mask.mean() <= limit and not mask.all() for mask in covered]
        seed = sample_seed(self._context.seed, "erase", photograph.id)
        requests = [Request(removals.CHAIN, image, mask, seed) for mask in itertools.compress(covered, usable)]
        edits = iter(self.remover.edit(requests))
        rows: list[RemovalRow] = []
        files: dict[str, bytes] = {}
        for level, (removed, mask, use) in enumerate(zip(levels, covered, usable, strict=True), start=1):
            row = self._row(photograph, found, level, removed, self._recipe(photograph, removed, mask, seed))
            if use:
                content = encode_png(next(edits))
                row = self._done(row, content, image)
                files[member(row)] = content
            else:
                reason = f"masked: {mask.mean():.0%} of the image would be painted over, the limit is {limit:.0%}"
                row = dataclasses.replace(row, reason=reason)
            rows.append(row)
        return {"rows": [dataclasses.asdict(row) for row in rows]}, files

    def _recipe(self, photograph: ImageRow, removed: list[int], mask: np.ndarray, seed: int) -> str:
        """Return the id of an edit: everything that decides its pixels."""
        area = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
        options = canonical_json(self.remover.options)
        return digest(photograph.id, canonical_json(removed), area, str(seed), self._config.backend, options)[:16]

    def _row(
        self, photograph: ImageRow, found: DetectionRow, level: int, removed: list[int], recipe: str
    ) -> RemovalRow:
        return RemovalRow(
            id=recipe,
            parent_id=photograph.id,
            recipe=removals.CHAIN,
            level=level,
            base_id=photograph.id,
            removed=removed,
            removed_count=len(removed),
            detected_count=len(found.people),
            areas=len(removed),
            mask=None,
            seed=0,
            attempts=0,
            options="",
            count_before=None,
            count_after=None,
            residual=None,
            hallucinated=None,
            lost=None,
            path="",
            sha256="",
            width=0,
            height=0,
            backend=self._config.backend,
            status=REJECTED,
            reason="",
        )

    def _done(self, row: RemovalRow, content: bytes, image: np.ndarray) -> RemovalRow:
        height, width = image.shape[:2]
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{self._folder}/{member(row)}"
        return dataclasses.replace(row, path=path, sha256=sha256, width=width, height=height, status=OK)

    def _nothing(self, photograph: ImageRow, found: DetectionRow, reason: str) -> Made:
        row = self._row(photograph, found, 0, [], digest(photograph.id, "no edit", self._config.backend)[:16])
        return {"rows": [dataclasses.asdict(dataclasses.replace(row, reason=reason))]}, {}
