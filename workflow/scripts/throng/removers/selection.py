"""Who goes: nested sets of people, so that nobody is left half-removed and every difference is known exactly."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from throng.removers.masks import Patch

DRAWS = 8


def chain(
    boxes: np.ndarray,
    kept: Sequence[float],
    overlap: float,
    generator: np.random.Generator,
    outlines: Mapping[int, Patch] = MappingProxyType({}),
) -> list[list[int]]:
    """Return growing, nested lists of people to remove, sorted, one per share in ``kept`` that makes a new one.

    Of n people with (n, 4) boxes x, y, w, h, ``round(n * (1 - share))`` go at each falling share. Whoever would lose
    more than ``overlap`` of the box to those who go must go too; where that makes the number impossible, others are
    drawn, and after ``DRAWS`` draws the best chain removes fewer, never more. Equal sets are given once. Between two
    people whose instance masks are in ``outlines``, by index, the loss is measured on these, else on the boxes.
    """
    people = len(boxes)
    targets = [round(people * (1 - share)) for share in kept]
    covers = _covers(boxes, overlap, outlines)
    best: list[list[int]] = []
    for _ in range(DRAWS):
        draw = _draw(covers, targets, overlap, generator.permutation(people))
        if not best or sum(map(len, draw)) > sum(map(len, best)):
            best = draw
        if [len(level) for level in best] == targets:
            break
    distinct: list[list[int]] = []
    for level in best:
        if level and (not distinct or len(level) > len(distinct[-1])):
            distinct.append(level)
    return distinct


Covers = list[list[tuple[int, float]]]


def _covers(boxes: np.ndarray, overlap: float, outlines: Mapping[int, Patch]) -> Covers:
    """Return for each person whom it covers, and by which share of that one; nothing when any loss is allowed."""
    covers: Covers = [[] for _ in boxes]
    if overlap >= 1:
        return covers
    x, y, w, h = boxes.T.astype(np.float64)
    for index in range(len(boxes)):
        wide = np.minimum(x + w, x[index] + w[index]) - np.maximum(x, x[index])
        high = np.minimum(y + h, y[index] + h[index]) - np.maximum(y, y[index])
        shares = np.clip(wide, 0, None) * np.clip(high, 0, None) / (w * h)
        shares[index] = 0
        for other in np.flatnonzero(shares).tolist():
            exact = index in outlines and other in outlines
            share = _covered(outlines[other], outlines[index]) if exact else float(shares[other])
            if share > 0:
                covers[index].append((other, share))
    return covers


def _covered(patch: Patch, by: Patch) -> float:
    """Return the share of a patch's pixels that are also another's."""
    top, left = max(patch.top, by.top), max(patch.left, by.left)
    bottom = min(patch.window[0].stop, by.window[0].stop)
    right = min(patch.window[1].stop, by.window[1].stop)
    if bottom <= top or right <= left:
        return 0.0
    common = [one.mask[top - one.top : bottom - one.top, left - one.left : right - one.left] for one in (patch, by)]
    return float((common[0] & common[1]).sum() / patch.mask.sum())


def _draw(covers: Covers, targets: Sequence[int], overlap: float, order: np.ndarray) -> list[list[int]]:
    gone = _Gone(covers, overlap)
    levels: list[list[int]] = []
    for target in targets:
        for person in order.tolist():
            if len(gone.people) == target:
                break
            if person not in gone.people:
                gone.add(person, target - len(gone.people))
        levels.append(sorted(gone.people))
    return levels


class _Gone:
    """The people removed so far, and what the others have lost by it at most: parts of a box are added up."""

    def __init__(self, covers: Covers, overlap: float) -> None:
        self.people: set[int] = set()
        self._covers, self._overlap = covers, overlap
        self._lost = [0.0] * len(covers)

    def add(self, person: int, room: int) -> None:
        """Remove a person and whoever must go too, unless they are more than there is room for."""
        group, waiting = {person}, [person]
        losses: dict[int, float] = {}
        while waiting and len(group) <= room:
            for other, share in self._covers[waiting.pop()]:
                if other in self.people or other in group:
                    continue
                losses[other] = losses.get(other, self._lost[other]) + share
                if losses[other] > self._overlap:
                    group.add(other)
                    waiting.append(other)
        if len(group) > room:
            return
        self.people |= group
        for other, loss in losses.items():
            self._lost[other] = loss
