"""Edits made again from their rows: the same base, area, seed and blend, so the same pixels; nothing is checked anew.

What the run decided by looking (which tries failed, which levels were refused) is in the rows. What it decided by
calculation (who goes, where shams lie, how masks blend) is calculated again, and an edit's id, a hash of all of it,
says whether it came out the same.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from throng.images import encode_png
from throng.removers import blend
from throng.removers.plan import Plan, Planner, Step
from throng.removers.protocol import Remover, Request
from throng.removers.rows import edit_id
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.removals import CHAIN, RemovalRow

Remade = tuple[RemovalRow, bytes | str]


class Remaker:
    """Makes the edits of a photograph again; ``remake`` may be called from several threads if the remover may."""

    def __init__(self, planner: Planner, remover: Remover) -> None:
        self._planner, self._remover = planner, remover

    def remake(self, photograph: ImageRow, found: DetectionRow, rows: Sequence[RemovalRow]) -> Iterator[Remade]:
        """Yield every row with the PNG of its image, or with why there is none; bases come before their edits.

        ``rows`` are ok rows of this photograph, with those that they were made from.
        """
        plan = self._planner.plan(photograph, found)
        images = {} if plan.image is None else {photograph.id: plan.image}
        painted: dict[str, np.ndarray] = {}
        for row in sorted(rows, key=lambda row: (row.recipe != CHAIN, row.level)):
            made = self._one(plan, row, images.get(row.base_id), painted.get(row.base_id))
            if isinstance(made, str):
                yield row, made
                continue
            step, edit = made
            if row.recipe == CHAIN and step.weights is not None:
                images[row.id], painted[row.id] = edit, step.weights > 0
            yield row, encode_png(edit)

    def _one(
        self, plan: Plan, row: RemovalRow, base: np.ndarray | None, painted: np.ndarray | None
    ) -> tuple[Step, np.ndarray] | str:
        if plan.refusal:
            return f"otherwise: {plan.refusal}"
        if base is None:
            return f"base: the edit that it was made from, {row.base_id}, could not be made again"
        step = next((step for step in (*plan.chain, *plan.others) if _key(step) == (row.recipe, row.level)), None)
        if step is None or edit_id(step, row.base_id, row.seed, row.backend, row.options) != row.id:
            return "otherwise: the areas to paint come out otherwise than in the run"
        area = step.area(painted)
        (answer,) = self._remover.edit([Request(row.recipe, base, area, row.seed)])
        edit = blend.laid_over(base, answer, area, step.weights)
        return edit if isinstance(edit, str) else (step, edit)


def _key(step: Step) -> tuple[str, int]:
    return step.recipe, step.level
