"""Looking at an edit with the eyes of a detector: is anybody still there, has anybody appeared?

Detectors waver: a person just below the threshold before may be just above it after. So somebody counts as new, or as
gone, only where the pixels changed: outside the mask they are the photograph's, bit by bit, and so are the people.
"""

import dataclasses
import threading
from collections.abc import Collection, Sequence

import numpy as np

from throng.detectors.protocol import Detector, Photograph
from throng.sections.remove import Check
from throng.tables import removals
from throng.tables.detections import Detection
from throng.tables.images import ImageRow


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the check says of one edit, in the terms of table removals; ``fault`` is empty for a good one."""

    count_before: int | None = None
    count_after: int | None = None
    residual: int | None = None
    hallucinated: int | None = None
    lost: int | None = None
    fault: str = ""


UNCHECKED = Verdict()
Look = list[np.ndarray | str]


@dataclasses.dataclass(frozen=True, eq=False)
class Edited:
    """What was done to a photograph: by which recipe, who went, and the (H, W) bool mask of what may have changed."""

    recipe: str
    people: Sequence[Detection]
    removed: Collection[int]
    mask: np.ndarray | None


class Checker:
    """One detector or two; a fault counts when either sees it."""

    def __init__(self, config: Check, detectors: Sequence[Detector]) -> None:
        self.config = config
        self._detectors = detectors
        self._turn = threading.Lock()

    def look(self, photograph: ImageRow, images: Sequence[np.ndarray]) -> list[Look]:
        """Return for each image what each detector sees: (n, 4) corners x1, y1, x2, y2, or why it has no answer.

        The images are a photograph's own and never share a forward pass with another's, so that the answer depends on
        nothing else.
        """
        seen: list[Look] = [[] for _ in images]
        for detector in self._detectors:
            for start in range(0, len(images), detector.batch):
                shown = [Photograph(photograph, image) for image in images[start : start + detector.batch]]
                with self._turn:
                    answers = detector.detect(shown)
                for look, found in zip(seen[start:], answers, strict=False):
                    look.append(found.rejection or corners(found.people))
        return seen

    def judge(self, edited: Edited, before: Look, after: Look) -> Verdict:
        """Compare what was seen in the photograph with what is seen in the edit."""
        verdicts = [self._one(edited, one, other) for one, other in zip(before, after, strict=True)]
        worst = verdicts[0]
        for verdict in verdicts[1:]:
            worst = dataclasses.replace(
                worst,
                residual=_more(worst.residual, verdict.residual),
                hallucinated=_more(worst.hallucinated, verdict.hallucinated),
                lost=_more(worst.lost, verdict.lost),
                fault=worst.fault or verdict.fault,
            )
        return worst

    def _one(self, edited: Edited, before: np.ndarray | str, after: np.ndarray | str) -> Verdict:
        if isinstance(before, str) or isinstance(after, str):
            return Verdict(
                fault=f"unchecked: the detector has no answer ({before if isinstance(before, str) else after})"
            )
        if edited.mask is None:
            return _counts(edited.recipe, len(before), len(after))
        residual, hallucinated, lost = compare(edited, before, after, self.config)
        fault = ""
        if residual:
            fault = f"residual: {residual} still seen where {len(edited.removed)} were removed"
        elif hallucinated > self.config.max_hallucinated:
            fault = f"hallucinated: {hallucinated} seen where nobody was"
        elif lost and edited.recipe == removals.SHAM:
            fault = f"lost: {lost} seen before, though not by detect, were painted over"
        return Verdict(len(before), len(after), residual, hallucinated, lost, fault)


def compare(edited: Edited, before: np.ndarray, after: np.ndarray, config: Check) -> tuple[int, int, int]:
    """Return how many people are still seen where one was removed, are seen anew, and are no longer seen.

    Boxes are (n, 4) corners x1, y1, x2, y2. Whoever looks most like somebody who stays, or like a thing taken for a
    person before, is explained.
    """
    if edited.mask is None:
        raise ValueError(f"an edit by recipe {edited.recipe!r} has no mask to compare by")
    people = corners(edited.people)
    gone = np.zeros(len(people), bool)
    gone[list(edited.removed)] = True
    stays_before, there_before = _attribute(before, people, gone, config)
    stays, there = _attribute(after, people, gone, config)
    known = before[stays_before | ~there_before]
    explained = stays | (_best(intersection_over_union(after, known)) >= config.match_iou)
    residual = there & ~explained
    anew = ~explained & ~residual & (painted(after, edited.mask) >= config.touched)
    unseen = _best(intersection_over_union(known, after)) < config.match_iou
    lost = unseen & (painted(known, edited.mask) >= config.touched)
    return int(residual.sum()), int(anew.sum()), int(lost.sum())


def _attribute(boxes: np.ndarray, people: np.ndarray, gone: np.ndarray, config: Check) -> tuple[np.ndarray, np.ndarray]:
    """Tell which boxes show somebody who stays, and which of the others lie on somebody who was removed."""
    alike = intersection_over_union(boxes, people)
    nearest_stays = _best(alike[:, ~gone])
    stays = (nearest_stays >= config.match_iou) & (nearest_stays >= _best(alike[:, gone]))
    there = _best(overlap(boxes, people[gone])) > config.residual_overlap
    return stays, there & ~stays


def _counts(recipe: str, before: int, after: int) -> Verdict:
    """Judge an image that was rendered again as a whole: all that is known is that the count must fall, or rise."""
    fault = ""
    if recipe == removals.REDUCE and after >= before:
        fault = f"not fewer: {after} seen, {before} before"
    elif recipe == removals.ENLARGE and after <= before:
        fault = f"not more: {after} seen, {before} before"
    return Verdict(before, after, fault=fault)


def corners(people: Sequence[Detection]) -> np.ndarray:
    """Return boxes as an (n, 4) float64 array of corners x1, y1, x2, y2."""
    boxes = np.array([[one["x"], one["y"], one["w"], one["h"]] for one in people], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _common(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def intersection_over_union(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the (n, m) intersections over unions of (n, 4) and (m, 4) corners."""
    common = _common(one, other)
    return common / (_areas(one)[:, None] + _areas(other)[None] - common)


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the (n, m) shares of the smaller of two boxes that lie in both."""
    return _common(one, other) / np.minimum(_areas(one)[:, None], _areas(other)[None])


def painted(boxes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the (n,) shares of boxes' pixels inside the image that are in the (H, W) bool mask."""
    shares = np.zeros(len(boxes))
    limit = np.array([mask.shape[1], mask.shape[0]] * 2)
    for index, (left, top, right, bottom) in enumerate(np.clip(np.rint(boxes), 0, limit).astype(int)):
        inside = mask[top:bottom, left:right]
        shares[index] = inside.mean() if inside.size else 0.0
    return shares


def _best(table: np.ndarray) -> np.ndarray:
    return table.max(axis=1, initial=0.0)


def _more(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
