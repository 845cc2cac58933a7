"""Ranked pairs of one photograph: the photograph, its edits by recipe, and windows of it."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

from throng.errors import ThrongError
from throng.provenance import digest
from throng.ranking.crops import nested_windows
from throng.ranking.kinds import (
    EDITED_EDITED,
    ENLARGED_REAL,
    ENLARGED_REDUCED,
    NESTED_CROP,
    REAL_EDITED,
    REAL_REDUCED,
    RELATIONS,
    SHAM_EDITED,
    SHAM_EQUAL,
)
from throng.roots import RESULTS
from throng.sections.rank_pairs import RankPairs
from throng.seeds import generator, sample_seed
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import MORE, Crop, RankedPairRow
from throng.tables.removals import CHAIN, ENLARGE, REDUCE, SHAM, RemovalRow

STAGE = "rank_pairs"


@dataclasses.dataclass(frozen=True)
class Member:
    """One side of a pair: an image or a window of it, and the people removed from it where that is known."""

    id: str
    source: str
    path: str
    removed: frozenset[int] = frozenset()
    crop: Crop | None = None

    def spelled(self) -> str:
        """Return the member's id and window as one text."""
        if self.crop is None:
            return self.id
        return f"{self.id}@{self.crop['x']},{self.crop['y']},{self.crop['w']},{self.crop['h']}"


def pairs_of(
    photograph: ImageRow, edits: Sequence[RemovalRow], config: RankPairs, seed: int
) -> Iterator[RankedPairRow]:
    """Yield the wanted pairs of one photograph from its kept edits; ``seed`` is the dataset's.

    Raises ThrongError when an edit is of another photograph, when a chain shows someone whom the level before did not,
    or when a sham does not show the people of the image that it was made from.
    """
    whole = Member(photograph.id, photograph.source, photograph.path)
    made = _by_recipe(photograph, edits)
    chain = _chain(whole, made[CHAIN])
    shams = _shams(chain, made[SHAM])
    reduced, enlarged = ([_edited(row) for row in made[recipe]] for recipe in (REDUCE, ENLARGE))
    found: dict[str, Iterable[tuple[Member, Member]]] = {
        REAL_EDITED: ((whole, fewer) for fewer in list(chain.values())[1:]),
        EDITED_EDITED: itertools.combinations(list(chain.values())[1:], 2),
        SHAM_EDITED: (
            (sham, chain[level]) for level, sham in shams if level in chain and sham.removed < chain[level].removed
        ),
        SHAM_EQUAL: _equal(list(chain.values()), [sham for _, sham in shams], seed),
        NESTED_CROP: itertools.combinations(_windows(photograph, whole, config, seed), 2)
        if NESTED_CROP in config.kinds
        else (),
        REAL_REDUCED: ((whole, fewer) for fewer in reduced),
        ENLARGED_REAL: ((more, whole) for more in enlarged),
        ENLARGED_REDUCED: itertools.product(enlarged, reduced),
    }
    for kind in config.kinds:
        for more, fewer in found[kind]:
            pair = _pair(photograph, kind, more, fewer, config.weights.get(kind, 1.0))
            if pair.relation != MORE or pair.delta is None or pair.delta >= config.min_delta:
                yield pair


def _by_recipe(photograph: ImageRow, edits: Sequence[RemovalRow]) -> dict[str, list[RemovalRow]]:
    made: dict[str, list[RemovalRow]] = {recipe: [] for recipe in (CHAIN, SHAM, REDUCE, ENLARGE)}
    for edit in sorted(edits, key=lambda row: row.level):
        if edit.parent_id != photograph.id:
            raise ThrongError(
                f"edit {edit.id} was made from {edit.parent_id}, not from {photograph.id}; run remove again"
            )
        if edit.recipe not in made:
            raise ThrongError(f"edit {edit.id} has the unknown recipe {edit.recipe!r}; run remove again")
        made[edit.recipe].append(edit)
    return made


def _edited(edit: RemovalRow) -> Member:
    return Member(edit.id, RESULTS, edit.path, frozenset(edit.removed))


def _chain(whole: Member, edits: Sequence[RemovalRow]) -> dict[int, Member]:
    """Return the chain by level, the photograph at 0; levels that were rejected are missing."""
    chain = {0: whole}
    for edit in edits:
        last = chain[max(chain)]
        if len(edit.removed) != edit.removed_count or not last.removed < frozenset(edit.removed):
            raise ThrongError(
                f"edit {edit.id} of {whole.id} does not remove everyone that the level before {edit.level} does, "
                f"and more; run remove again"
            )
        chain[edit.level] = _edited(edit)
    return chain


def _shams(chain: dict[int, Member], edits: Sequence[RemovalRow]) -> list[tuple[int, Member]]:
    """Return each sham with the level whose areas it copies."""
    bases = {member.id: member for member in chain.values()}
    shams: list[tuple[int, Member]] = []
    for edit in edits:
        base, sham = bases.get(edit.base_id), _edited(edit)
        if base is None or base.removed != sham.removed:
            raise ThrongError(
                f"sham {edit.id} of {edit.parent_id} does not show the people of the image {edit.base_id} that it "
                f"was made from; run remove again"
            )
        shams.append((edit.level, sham))
    return shams


def _equal(chain: Sequence[Member], shams: Sequence[Member], seed: int) -> Iterator[tuple[Member, Member]]:
    """Yield every two images that show the same people, at least one of them a sham, in an order drawn by hash."""
    for one, other in itertools.combinations([*chain, *shams], 2):
        if one.removed == other.removed:
            swap = sample_seed(seed, STAGE, f"{one.id} {other.id}") % 2
            yield (other, one) if swap else (one, other)


def _windows(photograph: ImageRow, whole: Member, config: RankPairs, seed: int) -> list[Member]:
    windows = nested_windows(
        photograph.width,
        photograph.height,
        number=config.crops,
        shrink=config.crop_shrink,
        anchor=config.crop_anchor,
        least=config.crop_least,
        random=generator(seed, STAGE, photograph.id),
    )
    return [dataclasses.replace(whole, crop=window) for window in windows]


def _pair(photograph: ImageRow, kind: str, more: Member, fewer: Member, weight: float) -> RankedPairRow:
    known = kind in (REAL_EDITED, EDITED_EDITED, SHAM_EDITED, SHAM_EQUAL)
    removed = sorted(fewer.removed - more.removed)
    return RankedPairRow(
        id=digest(more.spelled(), fewer.spelled())[:16],
        parent_id=photograph.id,
        kind=kind,
        relation=RELATIONS[kind],
        more_id=more.id,
        more_source=more.source,
        more_path=more.path,
        more_crop=more.crop,
        fewer_id=fewer.id,
        fewer_source=fewer.source,
        fewer_path=fewer.path,
        fewer_crop=fewer.crop,
        delta=len(removed) if known else None,
        removed=removed,
        weight=weight,
        split=photograph.split,
        scene=photograph.scene,
    )
