"""Section ``rank_pairs``: ordered pairs from the removal chains."""

from typing import Literal

from throng.sections.base import Section, setting


class RankPairs(Section):
    """Pairs the members of every removal chain: more people, fewer people, exact difference."""

    kinds: list[Literal["real-edited", "edited-edited"]] = setting(
        ["real-edited", "edited-edited"], "which pairs: photograph against edit, edit against edit", min_length=1
    )
    min_delta: int = setting(1, "least difference in people", ge=1)
