"""Contradictions are found however long their way round, and no photograph is on two sides."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows import pair_row
from throng.errors import ThrongError
from throng.ranking.checks import check_apart, check_order
from throng.tables.ranked_pairs import RankedPairRow


def ranked(more: str, fewer: str, relation: str = "more", **said) -> RankedPairRow:
    return pair_row(id=f"{more}{relation}{fewer}", more_id=more, fewer_id=fewer, relation=relation, **said)


def window(side: int) -> dict[str, int]:
    return {"x": 0, "y": 0, "w": side, "h": side}


def test_chains_with_equals_and_windows_are_sound():
    check_order([])
    check_order(
        [
            *(ranked(a, b) for a, b in itertools.combinations("abcd", 2)),
            ranked("s", "a", "equal"),
            ranked("s", "b"),
            ranked("p", "p", "at-least", more_crop=window(9), fewer_crop=window(7)),
            ranked("p", "p", "at-least", more_crop=window(7), fewer_crop=window(5)),
            # as many or more both ways is as many, no contradiction
            ranked("u", "v", "at-least"),
            ranked("v", "u", "at-least"),
        ]
    )


@pytest.mark.parametrize(
    "pairs",
    [
        [ranked("a", "a")],
        [ranked("a", "a", "equal")],
        [ranked("a", "b"), ranked("b", "a")],
        [ranked("a", "b"), ranked("b", "c"), ranked("c", "a")],
        [ranked("a", "b"), ranked("b", "a", "equal")],
        [ranked("a", "b"), ranked("b", "c", "equal"), ranked("a", "c", "equal")],
        [ranked("a", "b"), ranked("c", "a", "at-least"), ranked("b", "c", "at-least")],
        [ranked("a", "b"), ranked("b", "c", "at-least"), ranked("c", "d", "equal"), ranked("d", "a")],
    ],
)
def test_contradictions_are_found(pairs: list[RankedPairRow]):
    with pytest.raises(ThrongError, match="contradict each other"):
        check_order(pairs)


@given(
    counts=st.lists(st.integers(0, 4), min_size=2, max_size=7),
    ends=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20),
    lie=st.booleans(),
)
def test_pairs_true_of_some_counts_are_sound_and_a_lie_among_them_is_found(counts, ends, lie):
    pairs = []
    for a, b in [(one % len(counts), other % len(counts)) for one, other in ends]:
        if a != b:
            relation = "equal" if counts[a] == counts[b] else "more"
            more, fewer = (a, b) if counts[a] >= counts[b] else (b, a)
            pairs.append(ranked(str(more), str(fewer), relation))
    check_order(pairs)
    if lie and pairs:
        with pytest.raises(ThrongError, match="contradict each other"):
            check_order([*pairs, ranked(pairs[0].fewer_id, pairs[0].more_id)])


@given(
    sides=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["train", "val", "test"])), max_size=8
    )
)
def test_a_photograph_or_scene_in_training_and_validation_is_refused(sides):
    pairs = [ranked("p", "q", parent_id=photograph, scene=scene, split=split) for photograph, scene, split in sides]
    mixed = any(
        {"train", "val"} <= {side[2] for side in sides if side[index] == name} for index in (0, 1) for name in "abcxyz"
    )
    if mixed:
        with pytest.raises(ThrongError, match="has ranked pairs on both sides of the split"):
            check_apart(pairs)
    else:
        check_apart(pairs)
