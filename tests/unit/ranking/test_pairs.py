"""Pairs of every kind: exact differences, equal people, no side that a photograph is always on."""

import dataclasses
import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.test_detectors import image_row
from tests.rows import removal_row
from throng.errors import ThrongError
from throng.ranking.kinds import RELATIONS
from throng.ranking.pairs import pairs_of
from throng.sections.pairs import Kind
from throng.sections.rank_pairs import RankPairs
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow

PHOTOGRAPH = dataclasses.replace(image_row(90, 120, "00ff"), split="val", scene="square")
CHAIN_KINDS = ["real-edited", "edited-edited"]


def edit(level: int, removed: list[int], recipe: str = "chain", **said) -> RemovalRow:
    known = {"removed_count": None} if recipe in ("reduce", "enlarge") else {}
    values = {"id": f"{recipe[0]}{level}", "parent_id": "00ff", "recipe": recipe, "level": level, "removed": removed}
    return removal_row(**values | known | said)


CHAIN = [edit(1, [4]), edit(2, [2, 4, 7]), edit(3, [0, 2, 4, 7])]
SHAMS = [edit(1, [], "sham"), edit(3, [], "sham")]


def pairs(edits: list[RemovalRow], kinds: list[str], seed: int = 0, **settings) -> list[RankedPairRow]:
    return list(pairs_of(PHOTOGRAPH, edits, RankPairs(kinds=kinds, **settings), seed))


def test_every_two_members_of_a_chain_make_a_pair_with_the_people_that_differ():
    made = {(p.more_id, p.fewer_id): p for p in pairs(CHAIN[::-1], CHAIN_KINDS)}
    assert {key: (p.kind, p.delta, p.removed) for key, p in made.items()} == {
        ("00ff", "c1"): ("real-edited", 1, [4]),
        ("00ff", "c2"): ("real-edited", 3, [2, 4, 7]),
        ("00ff", "c3"): ("real-edited", 4, [0, 2, 4, 7]),
        ("c1", "c2"): ("edited-edited", 2, [2, 7]),
        ("c1", "c3"): ("edited-edited", 3, [0, 2, 7]),
        ("c2", "c3"): ("edited-edited", 1, [0]),
    }
    assert len({p.id for p in made.values()}) == 6
    assert {(p.relation, p.split, p.scene, p.weight, p.parent_id) for p in made.values()} == {
        ("more", "val", "square", 1.0, "00ff")
    }
    first = made["00ff", "c1"]
    assert (first.more_source, first.more_path) == (PHOTOGRAPH.source, PHOTOGRAPH.path)
    assert (first.fewer_source, first.fewer_path) == ("results", "remove/part-000-of-001.zip/c1.png")


def test_kinds_weights_and_least_difference_are_chosen():
    assert {p.kind for p in pairs([*CHAIN, *SHAMS], ["edited-edited"])} == {"edited-edited"}
    assert sorted(p.delta for p in pairs(CHAIN, CHAIN_KINDS, min_delta=3)) == [3, 3, 4]
    weighed = pairs([*CHAIN, *SHAMS], [*CHAIN_KINDS, "sham-equal"], weights={"sham-equal": 0.25, "real-edited": 0})
    assert {(p.kind, p.weight) for p in weighed} == {("real-edited", 0), ("edited-edited", 1), ("sham-equal", 0.25)}


def test_a_rejected_level_leaves_a_gap_that_is_paired_across():
    assert [(p.more_id, p.fewer_id, p.delta) for p in pairs([CHAIN[0], CHAIN[2]], ["edited-edited"])] == [
        ("c1", "c3", 3)
    ]


def test_images_of_the_same_people_are_equal_and_no_others():
    of_level_1 = edit(2, [4], "sham", id="s2", base_id="c1")
    made = pairs([*CHAIN, *SHAMS, of_level_1], ["sham-equal"], min_delta=3)
    assert {frozenset((p.more_id, p.fewer_id)) for p in made} == {
        frozenset(pair) for pair in (("00ff", "s1"), ("00ff", "s3"), ("s1", "s3"), ("c1", "s2"))
    }
    assert {(p.relation, p.delta, tuple(p.removed)) for p in made} == {("equal", 0, ())}


def test_a_sham_shows_whom_the_edit_of_the_same_areas_lacks():
    made = {(p.more_id, p.fewer_id): (p.relation, p.delta) for p in pairs([*CHAIN, *SHAMS], ["sham-edited"])}
    assert made == {("s1", "c1"): ("more", 1), ("s3", "c3"): ("more", 4)}


def test_which_side_of_an_equal_pair_is_the_photograph_says_nothing():
    photographs = [dataclasses.replace(PHOTOGRAPH, id=f"{k:016x}") for k in range(400)]
    first = 0
    for photograph in photographs:
        sham = edit(1, [], "sham", id=f"sham of {photograph.id}", parent_id=photograph.id, base_id=photograph.id)
        (pair,) = pairs_of(photograph, [sham], RankPairs(kinds=["sham-equal"]), 3)
        first += pair.more_id == photograph.id
    # four standard deviations of a fair coin
    assert abs(first - 200) <= 4 * 10
    orders = {pairs([SHAMS[0]], ["sham-equal"], seed)[0].more_id for seed in range(20)}
    assert orders == {"00ff", "s1"}, "another seed draws another order"
    assert pairs([SHAMS[0]], ["sham-equal"], 5) == pairs([SHAMS[0]], ["sham-equal"], 5)


def test_rendered_again_with_fewer_and_more_people():
    edits = [edit(k, [], recipe) for recipe in ("reduce", "enlarge") for k in (1, 2)]
    made = pairs(edits, ["real-reduced", "enlarged-real", "enlarged-reduced"])
    assert {(p.kind, p.more_id, p.fewer_id) for p in made} == {
        ("real-reduced", "00ff", "r1"),
        ("real-reduced", "00ff", "r2"),
        ("enlarged-real", "e1", "00ff"),
        ("enlarged-real", "e2", "00ff"),
        *(("enlarged-reduced", more, fewer) for more in ("e1", "e2") for fewer in ("r1", "r2")),
    }
    assert {(p.relation, p.delta, tuple(p.removed), p.parent_id) for p in made} == {("more", None, (), "00ff")}
    assert len(pairs(edits, ["real-reduced"], min_delta=50)) == 2, "an unknown difference is not a small one"


def test_windows_of_a_photograph_need_no_edit_and_no_label():
    made = pairs([], ["nested-crop"], crops=5, crop_least=8)
    assert len(made) == len({p.id for p in made}) == 10
    assert {(p.relation, p.delta, p.more_id, p.fewer_id) for p in made} == {("at-least", None, "00ff", "00ff")}
    assert {(p.more_source, p.more_path) for p in made} == {(PHOTOGRAPH.source, PHOTOGRAPH.path)}
    assert all(p.more_crop["w"] > p.fewer_crop["w"] for p in made)
    assert pairs([], ["nested-crop"], seed=1, crop_least=8) != made == pairs([], ["nested-crop"], crop_least=8)


def test_ids_tell_all_pairs_apart():
    edits = [*CHAIN, *SHAMS, *(edit(k, [], recipe) for recipe in ("reduce", "enlarge") for k in (1, 2))]
    made = pairs(edits, list(get_args(Kind)))
    assert {p.kind for p in made} == set(get_args(Kind))
    assert len({p.id for p in made}) == len(made)


def test_the_section_names_every_kind():
    assert set(get_args(Kind)) == set(RELATIONS)


def test_no_edits_no_pairs():
    assert pairs([], CHAIN_KINDS) == []


@given(removed=st.lists(st.integers(0, 30), unique=True, min_size=1), data=st.data())
def test_differences_add_up_along_a_chain(removed: list[int], data: st.DataObject):
    ends = sorted(data.draw(st.sets(st.integers(1, len(removed)), min_size=1)))
    chain = [edit(level, sorted(removed[:end])) for level, end in enumerate(ends, 1)]
    shown = {"00ff": 0} | {row.id: len(row.removed) for row in chain}
    made = pairs(chain, CHAIN_KINDS)
    assert len(made) == len(list(itertools.combinations(shown, 2)))
    for p in made:
        assert p.delta == shown[p.fewer_id] - shown[p.more_id] == len(p.removed) > 0


@pytest.mark.parametrize(
    "edits",
    [
        [edit(1, [1, 2]), edit(2, [2, 3, 4])],
        [edit(1, [1]), edit(2, [1])],
        [edit(1, [1], removed_count=2)],
        [edit(1, [])],
        [edit(1, [1], parent_id="beef")],
        [edit(1, [1], recipe="drawn")],
        [edit(1, [], "sham", base_id="gone")],
        [edit(1, [3], "sham")],
        [edit(1, [1]), edit(1, [], "sham", base_id="c1")],
    ],
)
def test_what_is_no_chain_and_no_sham_is_refused(edits: list[RemovalRow]):
    with pytest.raises(ThrongError, match="run remove again"):
        pairs(edits, CHAIN_KINDS)


@pytest.mark.parametrize(
    "wrong",
    [{"kinds": ["real"]}, {"kinds": []}, {"kinds": ["nested-crop", "nested-crop"]}, {"weights": {"sham-equal": 2}}],
)
def test_wrong_settings_are_refused(wrong: dict):
    with pytest.raises(ValueError):
        RankPairs(**wrong)
