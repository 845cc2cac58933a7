"""Rows of table removals from plans, steps and what became of them."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from throng import rle
from throng.manifest import OK, REJECTED
from throng.provenance import canonical_json, digest
from throng.removers.check import UNCHECKED, Verdict
from throng.removers.plan import Plan, Step
from throng.removers.protocol import Remover
from throng.tables import removals
from throng.tables.removals import RemovalRow


@dataclasses.dataclass(frozen=True, eq=False)
class Attempt:
    """The last try at a step: from which image, with which seed, and what the check says of it."""

    base_id: str
    seed: int
    tries: int
    verdict: Verdict


class Rows:
    """Writes the rows of one chunk, whose pixels will be in the zip ``folder``."""

    def __init__(self, backend: str, remover: Remover, folder: str) -> None:
        self._backend, self._folder = backend, folder
        self._recipe = remover.recipes[0]
        options = _with_model(remover.options, remover.model)
        self._options = canonical_json(options) if options else ""

    def refused(self, plan: Plan) -> RemovalRow:
        """Return the row of a photograph from which nothing can be made."""
        row = self._row(plan, Step(self._recipe, 0, [], 0), plan.photograph.id)
        return dataclasses.replace(row, reason=plan.refusal)

    def step(self, plan: Plan, step: Step, base_id: str, reason: str) -> RemovalRow:
        """Return the row of a step that was not tried, for the given reason."""
        return dataclasses.replace(self._row(plan, step, base_id), reason=reason)

    def tried(self, plan: Plan, step: Step, attempt: Attempt) -> RemovalRow:
        """Return the row of a step that was tried; one without a fault is ok, its file still to be told."""
        verdict = attempt.verdict
        return dataclasses.replace(
            self._row(plan, step, attempt.base_id, attempt.seed),
            seed=attempt.seed,
            attempts=attempt.tries,
            mask=None if step.weights is None else _encoded(step.weights > 0),
            count_before=verdict.count_before,
            count_after=verdict.count_after,
            residual=verdict.residual,
            hallucinated=verdict.hallucinated,
            lost=verdict.lost,
            status=REJECTED if verdict.fault else OK,
            reason=verdict.fault,
        )

    def filed(self, row: RemovalRow, content: bytes, height: int, width: int) -> RemovalRow:
        """Return the row with what is known of its file."""
        path = f"{self._folder}/{member(row)}"
        sha256 = hashlib.sha256(content).hexdigest()
        return dataclasses.replace(row, path=path, sha256=sha256, width=width, height=height)

    def _row(self, plan: Plan, step: Step, base_id: str, seed: int = 0) -> RemovalRow:
        rendered = step.recipe in (removals.REDUCE, removals.ENLARGE) and step.level > 0
        return RemovalRow(
            id=edit_id(step, base_id, seed, self._backend, self._options),
            parent_id=plan.photograph.id,
            recipe=step.recipe,
            level=step.level,
            base_id=base_id,
            removed=step.removed,
            removed_count=None if rendered else len(step.removed),
            detected_count=len(plan.found.people),
            areas=step.areas,
            mask=None,
            seed=seed,
            attempts=0,
            options=self._options,
            count_before=UNCHECKED.count_before,
            count_after=UNCHECKED.count_after,
            residual=UNCHECKED.residual,
            hallucinated=UNCHECKED.hallucinated,
            lost=UNCHECKED.lost,
            path="",
            sha256="",
            width=0,
            height=0,
            backend=self._backend,
            status=REJECTED,
            reason="",
        )


def edit_id(step: Step, base_id: str, seed: int, backend: str, options: str) -> str:
    """Return the id of an edit: a hash of everything that decides its pixels.

    ``options`` are a remover's, its model's identity among them, as canonical JSON; empty when there are none.
    """
    area = "" if step.weights is None else hashlib.sha256(step.weights.tobytes()).hexdigest()
    what = canonical_json([step.recipe, step.level, step.removed])
    return digest(base_id, what, area, str(seed), backend, options)[:16]


def member(row: RemovalRow) -> str:
    """Return the name of an edited image in the chunk's zip."""
    return f"{row.id}.png"


def _with_model(options: Mapping[str, Any], model: Mapping[str, str] | None) -> dict[str, Any]:
    return dict(options) if model is None else {"model": dict(model)} | dict(options)


def _encoded(mask: np.ndarray) -> str:
    return rle.encode(mask, height=mask.shape[0], width=mask.shape[1])
