"""The pixels of one photograph's edits: what changed where, how it shows, and patches for the probe."""

import dataclasses
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from throng import rle
from throng.auditing import quality, seams
from throng.auditing.background import Frame, Rendered
from throng.auditing.order import Subject, head_points, under
from throng.auditing.patches import choose, crowd, cut, painted_cells, untouched_cells
from throng.auditing.residuals import describe
from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.manifest import OK, REJECTED
from throng.roots import RESULTS
from throng.seeds import generator
from throng.tables.audited_edits import AuditedEditRow
from throng.tables.removals import CHAIN, SHAM, RemovalRow
from throng.workdir import Made

log = logging.getLogger(__name__)
CONTROL = "control"
PHOTOGRAPH, RENDERED = "photograph", "rendered again"
HEAD_REACH = 2  # pixels: the smallest heads that anybody annotates
HEAD_CHANGE = 2.0  # grey levels: less than noise and JPEG change between two photographs of one place


@dataclasses.dataclass(frozen=True)
class Settings:
    """How pixels are measured: see section audit_pairs."""

    ring_px: int
    patch: int
    patches: int
    seed: int


@dataclasses.dataclass(frozen=True, eq=False)
class Edited:
    """An edit as pixels, and the mask of what may differ from the photograph (None: everything)."""

    row: RemovalRow
    image: np.ndarray
    mask: np.ndarray | None


class Surveyor:
    """Measures the edits of one photograph at a time."""

    def __init__(self, store: ImageStore, rendered: Rendered, settings: Settings) -> None:
        self._store, self._rendered, self._settings = store, rendered, settings

    def measure(self, subject: Subject) -> Made:
        """Return the rows of a photograph's edits, problems met on the way, and features of patches as one .npz file.

        The row has ``edits`` (rows of table audited_edits), ``cells`` (painted cells by edit) and ``problems``.
        """
        photograph = subject.photograph
        edits = sorted(subject.edits.values(), key=lambda edit: (edit.recipe, edit.level, edit.id))
        try:
            data = self._store.read_bytes(photograph.source, photograph.path)
            image = decode(data)
        except ThrongError as error:
            rows = [_blank(subject, edit, f"unreadable: {error}") for edit in edits]
            return {"edits": [dataclasses.asdict(row) for row in rows], "cells": {}, "problems": []}, {}
        frame, problems = self._frame(subject, data)
        samples = Samples(subject, image, self._settings)
        rows: list[AuditedEditRow] = []
        chain: dict[str, Edited] = {}
        for edit in edits:  # "chain" comes before "sham", whose bases it holds
            try:
                edited = self._read(edit, image)
            except ThrongError as error:
                rows.append(_blank(subject, edit, str(error)))
                continue
            base = chain.get(edit.base_id)
            rows.append(self._row(subject, image, edited, base, frame))
            samples.take(edited, base)
            if edit.recipe == CHAIN:
                chain[edit.id] = edited
        found = {"edits": [dataclasses.asdict(row) for row in rows], "cells": samples.cells, "problems": problems}
        return found, {f"{photograph.id}.npz": samples.pack()}

    def _frame(self, subject: Subject, data: bytes) -> tuple[Frame | None, list[str]]:
        try:
            return self._rendered.frame(subject.photograph, data), []
        except ThrongError as error:
            log.warning("%s", error)
            return None, [str(error)]

    def _read(self, edit: RemovalRow, photograph: np.ndarray) -> Edited:
        try:
            image = decode(self._store.read_bytes(RESULTS, edit.path))
        except ThrongError as error:
            raise ThrongError(f"unreadable: {error}") from error
        if image.shape != photograph.shape:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (image.shape, photograph.shape)]
            raise ThrongError(f"size: the edit has {sizes[0]} pixels, the photograph {sizes[1]}")
        if edit.mask is None:
            return Edited(edit, image, None)
        try:
            return Edited(edit, image, rle.decode(edit.mask, *image.shape[:2]))
        except ThrongError as error:
            raise ThrongError(f"mask: {error}") from error

    def _row(
        self, subject: Subject, photograph: np.ndarray, edited: Edited, base: Edited | None, frame: Frame | None
    ) -> AuditedEditRow:
        row = dataclasses.replace(_blank(subject, edited.row, ""), status=OK)
        if edited.mask is None:
            return row
        row = dataclasses.replace(
            row,
            painted=int(edited.mask.sum()),
            **_changes(photograph, edited, base),
        )
        mask = added(edited, base) if edited.row.recipe == SHAM else edited.mask
        if mask is None or not mask.any():
            return row
        row = dataclasses.replace(row, **_heads(subject, photograph, edited.image, mask))
        truth, origin = None, ""
        if edited.row.recipe == SHAM:
            truth, origin = photograph, PHOTOGRAPH
        elif frame is not None:
            truth, origin = frame.behind(mask), RENDERED
        return dataclasses.replace(
            row,
            seam=seams.seam(edited.image, photograph, mask),
            sharpness=seams.sharpness(edited.image, mask, self._settings.ring_px),
            sharpness_before=seams.sharpness(photograph, mask, self._settings.ring_px),
            background=origin,
            psnr=None if truth is None else quality.psnr(edited.image, truth, mask),
            ssim=None if truth is None else quality.ssim(edited.image, truth, mask),
            gmsd=None if truth is None else quality.gmsd(edited.image, truth, mask),
        )


class Samples:
    """Features of patches: those that edits painted, and those that no edit and nobody came near."""

    def __init__(self, subject: Subject, photograph: np.ndarray, settings: Settings) -> None:
        self.cells: dict[str, int] = {}
        self._photograph, self._settings = photograph, settings
        self._arrays: dict[str, np.ndarray] = {}
        self._people = crowd(subject.people, *photograph.shape[:2])
        masks = [edit.mask for edit in subject.edits.values() if edit.mask is not None]
        touched = [self._people, *(mask for counts in masks if (mask := _decoded(counts, photograph)) is not None)]
        untouched = untouched_cells(touched, settings.patch)
        self._control = choose(untouched, settings.patches, self._random(subject.photograph.id))

    def take(self, edited: Edited, base: Edited | None) -> None:
        """Keep features of what an edit painted beyond its base, and of untouched patches, and the photograph's."""
        side, mask = self._settings.patch, added(edited, base)
        everywhere = untouched_cells([self._people], side)
        painted = everywhere if mask is None else painted_cells(mask, side)
        self.cells[edited.row.id] = len(painted)
        self._keep(edited, edited.row.id, choose(painted, self._settings.patches, self._random(edited.row.id)))
        if mask is not None:
            self._keep(edited, f"{CONTROL}-{edited.row.id}", self._control)

    def pack(self) -> bytes:
        """Return the features as the bytes of an .npz file: for every edit what was edited, and what was there."""
        buffer = io.BytesIO()
        np.savez(buffer, **self._arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    def _keep(self, edited: Edited, name: str, cells: np.ndarray) -> None:
        side = self._settings.patch
        if len(cells):
            self._arrays[f"{name}.edited"] = describe(cut(edited.image, cells, side))
            self._arrays[f"{name}.original"] = describe(cut(self._photograph, cells, side))

    def _random(self, sample: str) -> np.random.Generator:
        return generator(self._settings.seed, "audit_pairs", sample)


def added(edited: Edited, base: Edited | None) -> np.ndarray | None:
    """Return the (H, W) bool mask of what an edit painted beyond its base, or None when it painted everything."""
    if edited.mask is None or base is None or base.mask is None:
        return edited.mask
    return edited.mask & ~base.mask


def load_samples(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a :meth:`Samples.pack` file by name."""
    with np.load(path) as arrays:
        return dict(arrays)


def _decoded(counts: str, photograph: np.ndarray) -> np.ndarray | None:
    try:
        return rle.decode(counts, *photograph.shape[:2])
    except ThrongError:
        return None  # the edit itself is rejected with this reason


def _changes(photograph: np.ndarray, edited: Edited, base: Edited | None) -> Mapping[str, Any]:
    changes: dict[str, Any] = {"changed_outside": _changed(edited.image, photograph, edited.mask), "changed_base": None}
    if base is not None and base.mask is not None:
        changes["changed_base"] = _changed(edited.image, base.image, added(edited, base))
    return changes


def _changed(image: np.ndarray, before: np.ndarray, mask: np.ndarray | None) -> int:
    """Return how many pixels differ outside an (H, W) bool mask; none where everything is inside."""
    if mask is None:
        return 0
    channels = image != before
    return int(((channels[..., 0] | channels[..., 1] | channels[..., 2]) & ~mask).sum())


def _heads(subject: Subject, photograph: np.ndarray, image: np.ndarray, mask: np.ndarray) -> Mapping[str, Any]:
    """Count the heads under a mask, and those around which hardly a pixel changed: they may still be there."""
    if subject.photograph.points is None:
        return {}
    points = head_points(subject.photograph)
    painted = points[under(mask, points)]
    changes = [_change_at(image, photograph, x, y) for x, y in np.rint(painted).astype(int)]
    return {"heads_painted": len(painted), "heads_unchanged": sum(change < HEAD_CHANGE for change in changes)}


def _change_at(image: np.ndarray, before: np.ndarray, x: int, y: int) -> float:
    window = np.s_[max(y - HEAD_REACH, 0) : y + HEAD_REACH + 1, max(x - HEAD_REACH, 0) : x + HEAD_REACH + 1]
    return float(np.abs(image[window].astype(np.int16) - before[window]).mean())


def _blank(subject: Subject, edit: RemovalRow, reason: str) -> AuditedEditRow:
    photograph = subject.photograph
    return AuditedEditRow(
        id=edit.id,
        parent_id=edit.parent_id,
        recipe=edit.recipe,
        level=edit.level,
        backend=edit.backend,
        source=photograph.source,
        split=photograph.split,
        scene=photograph.scene,
        path=edit.path,
        detected_count=edit.detected_count,
        painted=None,
        changed_outside=None,
        changed_base=None,
        heads_painted=None,
        heads_unchanged=None,
        seam=None,
        sharpness=None,
        sharpness_before=None,
        background="",
        psnr=None,
        ssim=None,
        gmsd=None,
        tell=None,
        status=REJECTED,
        reason=reason,
    )
