"""Whether pairs are ordered as they claim, by the heads that each member still shows.

A head point whose pixel an edit may have painted over is gone, every other one is there: outside its mask an edit has
the photograph's pixels. Nothing that the detector or the remover says about people enters the true counts.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from throng import rle
from throng.auditing.shares import bin_name, bin_order, share
from throng.errors import ThrongError
from throng.manifest import OK, REJECTED
from throng.tables.audit import AuditRow
from throng.tables.detections import Detection
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import AT_LEAST, EQUAL, MORE, Crop, RankedPairRow
from throng.tables.removals import RemovalRow

UNLABELLED = "unlabelled: the photograph has no head points"
RENDERED_AGAIN = "rendered again: any pixel may differ from the photograph, so nobody is known to be there or gone"
Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A photograph with the people detected in it, its kept edits by id, and its pairs."""

    photograph: ImageRow
    people: Sequence[Detection]
    edits: Mapping[str, RemovalRow]
    pairs: Sequence[RankedPairRow]


def head_points(photograph: ImageRow) -> np.ndarray:
    """Return the (N, 2) float64 head points x, y of a photograph, 0-based pixels; none when it is unlabelled."""
    return np.array([(point["x"], point["y"]) for point in photograph.points or []], np.float64).reshape(-1, 2)


def under(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return (N,) bool: which of (N, 2) points lie on a pixel of an (H, W) bool mask; points outside are moved in."""
    height, width = mask.shape
    columns = np.clip(np.floor(points[:, 0] + 0.5).astype(np.int64), 0, width - 1)
    rows = np.clip(np.floor(points[:, 1] + 0.5).astype(np.int64), 0, height - 1)
    return mask[rows, columns]


def within(crop: Crop | None, points: np.ndarray) -> np.ndarray:
    """Return (N,) bool: which of (N, 2) points lie in a window of whole pixels; all where there is no window."""
    if crop is None:
        return np.ones(len(points), bool)
    first = np.array([crop["x"], crop["y"]]) - 0.5
    return np.all((points >= first) & (points < first + np.array([crop["w"], crop["h"]])), axis=1)


def holds(relation: str, more: int, fewer: int) -> bool:
    """Tell whether two counts are in a relation of table ranked_pairs; raises ThrongError on an unknown one."""
    if relation not in (MORE, AT_LEAST, EQUAL):
        raise ThrongError(f"a pair's relation is {relation!r}, expected {MORE}, {AT_LEAST} or {EQUAL}; run rank_pairs")
    return {MORE: more > fewer, AT_LEAST: more >= fewer, EQUAL: more == fewer}[relation]


def audit(subject: Subject) -> list[AuditRow]:
    """Return a row for every pair of a photograph, rejected with a reason where the truth is not known."""
    shown = Shown(subject)
    return [_row(subject, shown, pair) for pair in subject.pairs]


class Shown:
    """Which heads of a photograph each of its edits still shows, masks decoded once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.points = head_points(subject.photograph)
        self._kept: dict[str, np.ndarray | str] = {subject.photograph.id: np.ones(len(self.points), bool)}

    def heads(self, member: str, crop: Crop | None) -> np.ndarray | str:
        """Return (N,) bool for a member of a pair, or why nobody knows."""
        if self._subject.photograph.points is None:
            return UNLABELLED
        if member not in self._kept:
            self._kept[member] = self._edited(self._subject.edits[member])
        kept = self._kept[member]
        return kept if isinstance(kept, str) else kept & within(crop, self.points)

    def _edited(self, edit: RemovalRow) -> np.ndarray | str:
        if edit.mask is None:
            return RENDERED_AGAIN
        photograph = self._subject.photograph
        try:
            return ~under(rle.decode(edit.mask, photograph.height, photograph.width), self.points)
        except ThrongError as error:
            return f"mask: {error}"


def _row(subject: Subject, shown: Shown, pair: RankedPairRow) -> AuditRow:
    photograph = subject.photograph
    for member in (pair.more_id, pair.fewer_id):
        if member != photograph.id and member not in subject.edits:
            raise ThrongError(
                f"pair {pair.id} names {member}, which is no kept edit of {photograph.id}; run rank_pairs"
            )
    more, fewer = shown.heads(pair.more_id, pair.more_crop), shown.heads(pair.fewer_id, pair.fewer_crop)
    seen = [_detected(subject, member, crop) for member, crop in _members(pair)]
    row = AuditRow(
        id=pair.id,
        parent_id=pair.parent_id,
        kind=pair.kind,
        relation=pair.relation,
        backend=next((subject.edits[member].backend for member, _ in _members(pair) if member in subject.edits), ""),
        source=photograph.source,
        split=pair.split,
        scene=pair.scene,
        delta=pair.delta,
        true_photograph=None if photograph.points is None else len(shown.points),
        true_more=None,
        true_fewer=None,
        true_delta=None,
        correct=None,
        cause="",
        detector_more=seen[0],
        detector_fewer=seen[1],
        detector_correct=None if None in seen else holds(pair.relation, seen[0], seen[1]),  # type: ignore[arg-type]
        status=REJECTED,
        reason=next((kept for kept in (more, fewer) if isinstance(kept, str)), ""),
    )
    if isinstance(more, str) or isinstance(fewer, str):
        return row
    counts = int(more.sum()), int(fewer.sum())
    correct = holds(pair.relation, *counts)
    return dataclasses.replace(
        row,
        true_more=counts[0],
        true_fewer=counts[1],
        true_delta=counts[0] - counts[1],
        correct=correct,
        cause="" if correct else cause(pair, subject.people, shown.points, more, fewer),
        status=OK,
    )


def cause(
    pair: RankedPairRow, people: Sequence[Detection], points: np.ndarray, more: np.ndarray, fewer: np.ndarray
) -> str:
    """Say why a pair's claim does not hold, from the (N,) heads that its members show and the people it removed."""
    went, came = int((more & ~fewer).sum()), int((fewer & ~more).sum())
    if pair.relation != MORE or came:
        return (
            f"bystander: {went} heads are in the first alone, {came} in the second alone; somebody undetected went too"
        )
    boxes = [people[index] for index in pair.removed if index < len(people)]
    headless = [box for box in boxes if not _box_heads(box, points).any()]
    if went == came == 0 and len(headless) == len(boxes):
        return f"no annotated head: {len(boxes)} removed boxes hold none; false detections, or people left unannotated"
    left = sum(int((_box_heads(box, points) & fewer).any()) for box in boxes)
    return f"head left: {went} heads went; {left} of {len(boxes)} removed boxes still show a head"


def _box_heads(box: Detection, points: np.ndarray) -> np.ndarray:
    last = np.array([box["x"] + box["w"], box["y"] + box["h"]])
    return np.all((points >= np.array([box["x"], box["y"]]) - 0.5) & (points < last + 0.5), axis=1)


def _members(pair: RankedPairRow) -> tuple[tuple[str, Crop | None], tuple[str, Crop | None]]:
    return (pair.more_id, pair.more_crop), (pair.fewer_id, pair.fewer_crop)


def _detected(subject: Subject, member: str, crop: Crop | None) -> int | None:
    if crop is not None:
        return None
    if member in subject.edits:
        return subject.edits[member].count_after
    return next((edit.count_before for edit in subject.edits.values() if edit.count_before is not None), None)


def figures(rows: Sequence[AuditRow], target: float, bins: Sequence[int], deltas: Sequence[int]) -> Record:
    """Return the figures of the order audit: shares with Wilson intervals by backend, kind, difference and density.

    ``edited`` is about pairs with an edited member; nested crops are right by construction and would only dilute it.
    """
    audited = [row for row in rows if row.status == OK]
    edited = [row for row in audited if row.backend]
    wrong = [row for row in audited if not row.correct]
    return {
        "pairs": len(rows),
        "target": target,
        "all": _tally(audited),
        "edited": _tally(edited),
        "unaudited": _reasons(row.reason for row in rows if row.status != OK),
        "wrong": _reasons(row.cause for row in wrong),
        "wrong_ids": sorted(row.id for row in wrong),
        "by_backend": _by(edited, lambda row: row.backend),
        "by_source": _by(edited, lambda row: row.source),
        "by_kind": _by(audited, lambda row: row.kind),
        "by_delta": _by(edited, lambda row: bin_name(row.delta, deltas)),
        "by_density": _by(edited, lambda row: bin_name(row.true_photograph, bins)),
        "delta": _deltas([row for row in edited if row.delta is not None]),
        "by_detector": _by(
            [
                dataclasses.replace(row, correct=row.detector_correct)
                for row in rows
                if row.detector_correct is not None
            ],
            lambda row: row.kind,
        ),
    }


def _tally(rows: Sequence[AuditRow]) -> Record:
    return share(sum(bool(row.correct) for row in rows), len(rows)) | {
        "photographs": len({row.parent_id for row in rows})
    }


def _by(rows: Sequence[AuditRow], group: Callable[[AuditRow], str]) -> list[Record]:
    groups: dict[str, list[AuditRow]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    return [{"group": name} | _tally(groups[name]) for name in sorted(groups, key=bin_order)]


def _reasons(reasons: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(reason.partition(":")[0] for reason in reasons).items()))


def _deltas(rows: Sequence[AuditRow]) -> Record:
    """Return how the recorded differences compare with the true ones: people missed, and boxes without anybody."""
    errors = np.array([(row.true_delta or 0) - (row.delta or 0) for row in rows], np.int64)
    return share(int((errors == 0).sum()), len(rows)) | {
        "more_gone_than_recorded": int((errors > 0).sum()),
        "fewer_gone_than_recorded": int((errors < 0).sum()),
        "mean_error": float(errors.mean()) if len(errors) else None,
    }
