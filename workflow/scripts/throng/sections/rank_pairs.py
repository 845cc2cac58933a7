"""Section ``rank_pairs``: which pairs are made, and how much each kind weighs."""

from typing import Annotated

from pydantic import AfterValidator, Field

from throng.sections.base import Section, setting
from throng.sections.pairs import Kind


def _once(kinds: list[Kind]) -> list[Kind]:
    twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    if twice:
        raise ValueError(f"named twice: {twice}")
    return kinds


class RankPairs(Section):
    """Pairs of images, the first with more people than the second, with as many or more, or with as many."""

    kinds: Annotated[list[Kind], AfterValidator(_once)] = setting(
        ["real-edited", "edited-edited", "sham-edited", "sham-equal"],
        "which pairs; real: the photograph, edited: people removed, sham: edited where nobody stands, nested-crop: "
        "windows of one photograph, reduced and enlarged: rendered again with fewer or more people",
        min_length=1,
    )
    weights: dict[Kind, Annotated[float, Field(ge=0, le=1)]] = setting(
        {}, "weight in training of each kind, 0 to 1; a kind that is not named weighs 1"
    )
    min_delta: int = setting(1, "least difference in people, where it is known and not nought by design", ge=1)
    crops: int = setting(5, "nested-crop: windows per photograph", ge=2, le=100)
    crop_shrink: float = setting(0.75, "nested-crop: side of a window over that of the one around it", gt=0, lt=1)
    crop_anchor: float = setting(0.125, "nested-crop: the windows' centre is drawn from this central share", ge=0, lt=1)
    crop_least: int = setting(32, "nested-crop: least side of a window, pixels", ge=1)
