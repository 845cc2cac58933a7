"""Lays every candidate over what it may be a copy of, and says what it is."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from throng.images import ImageStore, decode
from throng.likeness.hashes import Window
from throng.likeness.keypoints import started
from throng.likeness.registration import Laid, lay, seen, start_of
from throng.likeness.search import Candidate
from throng.likeness.subjects import Subject
from throng.tables.near_duplicates import ALIKE, LEAK, NearDuplicateRow

DIGITS = 4
KEPT = 4096


class Comparer:
    """Compares pictures; safe to call from several threads, and keeps the last few thousand held-out ones."""

    def __init__(self, store: ImageStore, windows: Sequence[Window], agreement: float) -> None:
        self._store, self._windows, self._agreement = store, windows, agreement
        self._held_out = functools.lru_cache(KEPT)(self._seen)

    def rows(self, subject: Subject, candidates: Sequence[Candidate]) -> list[NearDuplicateRow]:
        """Return a row for each candidate; raises ThrongError when a picture can no longer be read."""
        mine = None if all(one.identical for one in candidates) else self._seen(subject.place)
        return [self._row(subject, mine, candidate) for candidate in candidates]

    def _row(self, subject: Subject, mine: np.ndarray | None, candidate: Candidate) -> NearDuplicateRow:
        if mine is None or candidate.identical:
            laid, mirrored = Laid(1.0, 1.0), False
        else:
            laid, mirrored = self._laid(mine, self._held_out(candidate.other.place), candidate)
        return row_of(subject, candidate, laid, mirrored, self._agreement)

    def _laid(self, mine: np.ndarray, other: np.ndarray, candidate: Candidate) -> tuple[Laid, bool]:
        """Return how the two agree, and whether mirrored, starting from their hashes or, without, from keypoints."""
        if not candidate.by_hash:
            tried = [(_by_keypoints(mine, other, mirrored), mirrored) for mirrored in (False, True)]
            return max(tried, key=lambda one: one[0].agreement)
        start = start_of(self._windows[candidate.window])
        one, two = (other, mine) if candidate.within else (mine, other)
        return lay(_turned(one, candidate.mirrored), two, start), candidate.mirrored

    def _seen(self, place: tuple[str, str]) -> np.ndarray:
        return seen(decode(self._store.read_bytes(*place)))


def row_of(subject: Subject, candidate: Candidate, laid: Laid, mirrored: bool, agreement: float) -> NearDuplicateRow:
    """Return the row of a pair that was compared."""
    other = candidate.other
    return NearDuplicateRow(
        table=subject.table,
        id=subject.id,
        source=subject.source,
        path=subject.path,
        split=subject.split,
        scene=subject.scene,
        other_table=other.table,
        other_id=other.id,
        other_source=other.source,
        other_path=other.path,
        other_split=other.split,
        other_scene=other.scene,
        identical=candidate.identical,
        mirrored=mirrored,
        bits=candidate.bits,
        similarity=candidate.similarity,
        agreement=round(laid.agreement, DIGITS),
        overlap=round(laid.overlap, DIGITS),
        verdict=LEAK if laid.agreement >= agreement else ALIKE,
    )


def as_record(row: NearDuplicateRow) -> dict[str, Any]:
    """Return a row as plain JSON values."""
    return {name: getattr(row, name) for name in NearDuplicateRow.__slots__}


def _by_keypoints(mine: np.ndarray, other: np.ndarray, mirrored: bool) -> Laid:
    one = _turned(mine, mirrored)
    start = started(one, other)
    return Laid(0.0, 0.0) if start is None else lay(one, other, start)


def _turned(grey: np.ndarray, mirrored: bool) -> np.ndarray:
    return np.ascontiguousarray(grey[:, ::-1]) if mirrored else grey
