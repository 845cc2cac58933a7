"""Ordered pairs from removal chains: each member shows everyone that the next one shows, and more."""

import itertools
from collections.abc import Collection, Iterator, Sequence

from throng.errors import ThrongError
from throng.provenance import digest
from throng.roots import RESULTS
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import MORE, RankedPairRow
from throng.tables.removals import RemovalRow

Member = tuple[str, str, str, frozenset[int]]  # id, source and path of the pixels, removed people


def chain_pairs(
    photograph: ImageRow, edits: Sequence[RemovalRow], kinds: Collection[str], min_delta: int
) -> Iterator[RankedPairRow]:
    """Yield (more people, fewer people) for every two members of a chain whose difference is at least ``min_delta``.

    ``kinds`` names what is paired: ``real-edited``, the photograph with an edit, and ``edited-edited``. Raises
    ThrongError when the chain is not one: an edit of another photograph, or one that shows someone the last did not.
    """
    members: list[Member] = [(photograph.id, photograph.source, photograph.path, frozenset())]
    for edit in sorted(edits, key=lambda row: row.level):
        member = (edit.id, RESULTS, edit.path, frozenset(edit.removed))
        _check_next(photograph, members[-1], edit)
        members.append(member)
    for (first, more), (_, fewer) in itertools.combinations(enumerate(members), 2):
        kind = "real-edited" if first == 0 else "edited-edited"
        removed = sorted(fewer[3] - more[3])
        if kind in kinds and len(removed) >= min_delta:
            yield _pair(photograph, kind, more, fewer, removed)


def check_order(pairs: Sequence[RankedPairRow]) -> None:
    """Raise ThrongError when the pairs contradict each other: a cycle, or a member ranked against itself."""
    fewer_than: dict[str, set[str]] = {}
    for pair in pairs:
        fewer_than.setdefault(pair.more_id, set()).add(pair.fewer_id)
    done: set[str] = set()
    for start in sorted(fewer_than):
        path, waiting = {start}, [(start, iter(sorted(fewer_than[start])))]
        while waiting:
            node, below = waiting[-1]
            following = next((other for other in below if other not in done), None)
            if following is None:
                done.add(node)
                path.discard(node)
                waiting.pop()
            elif following in path:
                raise ThrongError(f"the ranked pairs contradict each other: {following} has fewer people than itself")
            else:
                path.add(following)
                waiting.append((following, iter(sorted(fewer_than.get(following, ())))))


def _check_next(photograph: ImageRow, last: Member, edit: RemovalRow) -> None:
    if edit.parent_id != photograph.id:
        raise ThrongError(f"edit {edit.id} was made from {edit.parent_id}, not from {photograph.id}; run remove again")
    if len(edit.removed) != edit.removed_count or not last[3] < frozenset(edit.removed):
        raise ThrongError(
            f"edit {edit.id} of {photograph.id} does not remove everyone that level {edit.level - 1} does, and more; "
            f"run remove again"
        )


def _pair(photograph: ImageRow, kind: str, more: Member, fewer: Member, removed: list[int]) -> RankedPairRow:
    return RankedPairRow(
        id=digest(more[0], fewer[0])[:16],
        parent_id=photograph.id,
        kind=kind,
        relation=MORE,
        more_id=more[0],
        more_source=more[1],
        more_path=more[2],
        more_crop=None,
        fewer_id=fewer[0],
        fewer_source=fewer[1],
        fewer_path=fewer[2],
        fewer_crop=None,
        delta=len(removed),
        removed=removed,
        weight=1.0,
        split=photograph.split,
        scene=photograph.scene,
    )
