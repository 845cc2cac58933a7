"""What the page shows: the worst of every kind first, and some edits chosen by hash."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from throng.auditing.order import Subject
from throng.manifest import OK
from throng.roots import RESULTS
from throng.seeds import sample_seed
from throng.tables.audit import AuditRow
from throng.tables.audited_edits import AuditedEditRow
from throng.tables.ranked_pairs import Crop
from throng.tables.removals import SHAM, RemovalRow

Fact = tuple[str, str]
Row = TypeVar("Row", AuditRow, AuditedEditRow, RemovalRow)


@dataclasses.dataclass(frozen=True)
class Side:
    """One member of a case: its pixels, the mask of what was painted in it (None: unknown or nothing), its window."""

    source: str
    path: str
    mask: str | None = None
    crop: Crop | None = None


@dataclasses.dataclass(frozen=True)
class Case:
    """Something to look at: two images of one photograph, and what is to be said of them."""

    id: str
    parent_id: str
    headline: str
    facts: Sequence[Fact]
    before: Side
    after: Side


def worst_cases(
    pairs: Sequence[AuditRow],
    edits: Sequence[AuditedEditRow],
    subjects: Mapping[str, Subject],
    number: int,
    contacts: int,
    seed: int,
) -> dict[str, list[Case]]:
    """Return the cases of every list of the page, at most ``number`` each, the worst first, ties by id.

    A photograph is shown once in a list, by its worst case; what more there is stands in the tables.
    """
    measured = [row for row in edits if row.status == OK]
    wrong = sorted((p for p in pairs if p.correct is False), key=lambda p: (-abs(p.true_delta or 0), p.id))
    kept = [edit for subject in subjects.values() for edit in subject.edits.values()]
    left = [edit for edit in kept if (edit.residual or 0) + (edit.hallucinated or 0) > 0]
    left.sort(key=lambda edit: (-(edit.residual or 0), -(edit.hallucinated or 0), edit.id))
    sheet = sorted(measured, key=lambda row: sample_seed(seed, "audit_pairs", f"contact {row.id}"))

    def first(rows: Iterable[AuditedEditRow], key: Callable[[AuditedEditRow], float | None]) -> list[Case]:
        known = [(value, row) for row in rows if (value := key(row)) is not None]
        ranked = [row for _, row in sorted(known, key=lambda pair: (-pair[0], pair[1].id))]
        return [_edit_case(row, subjects[row.parent_id]) for row in _one_each(ranked)[:number]]

    return {
        "wrong": [_pair_case(row, subjects[row.parent_id]) for row in _one_each(wrong)[:number]],
        "outside": first([row for row in measured if row.changed_outside], lambda row: row.changed_outside),
        "unchanged": first([row for row in measured if row.heads_unchanged], lambda row: row.heads_unchanged),
        "left": [_left_case(edit, subjects[edit.parent_id]) for edit in _one_each(left)[:number]],
        "seam": first(measured, lambda row: row.seam),
        "quality": first(measured, lambda row: None if row.psnr is None else -row.psnr),
        "tell": first([row for row in measured if row.recipe == SHAM], lambda row: row.tell),
        "contacts": [_edit_case(row, subjects[row.parent_id]) for row in _one_each(sheet)[:contacts]],
    }


def _one_each(rows: Iterable[Row]) -> list[Row]:
    """Return the first row of every photograph, in their order."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.parent_id, row)
    return list(first.values())


def _pair_case(row: AuditRow, subject: Subject) -> Case:
    pair = next(pair for pair in subject.pairs if pair.id == row.id)
    sides = [
        Side(source, path, _mask(subject, member), crop)
        for member, source, path, crop in (
            (pair.more_id, pair.more_source, pair.more_path, pair.more_crop),
            (pair.fewer_id, pair.fewer_source, pair.fewer_path, pair.fewer_crop),
        )
    ]
    facts = [
        ("kind", pair.kind),
        ("claims", pair.relation),
        ("true counts", f"{row.true_more} and {row.true_fewer}"),
        ("recorded difference", "unknown" if pair.delta is None else str(pair.delta)),
        ("backend", row.backend or "none"),
    ]
    return Case(pair.id, row.parent_id, row.cause, facts, sides[0], sides[1])


def _edit_case(row: AuditedEditRow, subject: Subject) -> Case:
    facts = [("recipe", f"{row.recipe} {row.level}"), ("backend", row.backend)]
    numbers = (
        ("seam", row.seam, 2),
        ("sharpness", row.sharpness, 2),
        ("PSNR, dB", row.psnr, 1),
        ("SSIM", row.ssim, 3),
        ("GMSD", row.gmsd, 3),
        ("looks edited", row.tell, 1),
    )
    facts += [(name, f"{value:.{digits}f}") for name, value, digits in numbers if value is not None]
    if row.changed_outside:
        facts.append(("pixels changed outside", str(row.changed_outside)))
    if row.heads_unchanged:
        facts.append(("heads that look the same", f"{row.heads_unchanged} of {row.heads_painted}"))
    edit = subject.edits[row.id]
    return Case(row.id, row.parent_id, _headline(edit), facts, _photograph(subject), _edited(edit))


def _left_case(edit: RemovalRow, subject: Subject) -> Case:
    facts = [("recipe", f"{edit.recipe} {edit.level}"), ("backend", edit.backend), ("attempts", str(edit.attempts))]
    headline = f"{edit.residual or 0} still seen, {edit.hallucinated or 0} invented, {edit.lost or 0} lost"
    return Case(edit.id, edit.parent_id, headline, facts, _photograph(subject), _edited(edit))


def _headline(edit: RemovalRow) -> str:
    if edit.recipe == SHAM:
        return f"nobody removed, {edit.areas} area{'' if edit.areas == 1 else 's'} painted"
    if edit.removed_count is None:
        return "rendered again"
    return f"{edit.removed_count} of {edit.detected_count} removed"


def _mask(subject: Subject, member: str) -> str | None:
    return subject.edits[member].mask if member in subject.edits else None


def _photograph(subject: Subject) -> Side:
    return Side(subject.photograph.source, subject.photograph.path)


def _edited(edit: RemovalRow) -> Side:
    return Side(RESULTS, edit.path, edit.mask)
