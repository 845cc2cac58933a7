"""Pairs from chains: all orders, exact differences, no contradictions."""

import dataclasses

import pytest

from tests.contract.test_detectors import image_row
from tests.rows import removal_row
from throng.errors import ThrongError
from throng.ranking.pairs import chain_pairs, check_order
from throng.tables.removals import RemovalRow

PHOTOGRAPH = dataclasses.replace(image_row(10, 10, "00ff"), split="val", scene="square")
KINDS = ["real-edited", "edited-edited"]


def edit(level: int, removed: list[int], parent: str = "00ff") -> RemovalRow:
    return removal_row(id=f"e{level}", parent_id=parent, level=level, removed=removed)


CHAIN = [edit(1, [4]), edit(2, [2, 4, 7]), edit(3, [0, 2, 4, 7])]


def test_every_two_members_make_a_pair_with_the_people_that_differ():
    pairs = {(p.more_id, p.fewer_id): p for p in chain_pairs(PHOTOGRAPH, CHAIN[::-1], KINDS, 1)}
    assert {key: (p.kind, p.delta, p.removed) for key, p in pairs.items()} == {
        ("00ff", "e1"): ("real-edited", 1, [4]),
        ("00ff", "e2"): ("real-edited", 3, [2, 4, 7]),
        ("00ff", "e3"): ("real-edited", 4, [0, 2, 4, 7]),
        ("e1", "e2"): ("edited-edited", 2, [2, 7]),
        ("e1", "e3"): ("edited-edited", 3, [0, 2, 7]),
        ("e2", "e3"): ("edited-edited", 1, [0]),
    }
    assert len({p.id for p in pairs.values()}) == 6
    assert {(p.split, p.scene, p.weight, p.parent_id) for p in pairs.values()} == {("val", "square", 1.0, "00ff")}
    first = pairs["00ff", "e1"]
    assert (first.more_source, first.more_path) == (PHOTOGRAPH.source, PHOTOGRAPH.path)
    assert (first.fewer_source, first.fewer_path) == ("results", "remove/part-000-of-001.zip/e1.png")


def test_kinds_and_least_difference_are_chosen():
    assert {p.kind for p in chain_pairs(PHOTOGRAPH, CHAIN, ["edited-edited"], 1)} == {"edited-edited"}
    assert sorted(p.delta for p in chain_pairs(PHOTOGRAPH, CHAIN, KINDS, 3)) == [3, 3, 4]


def test_a_rejected_level_leaves_a_gap_that_is_paired_across():
    pairs = list(chain_pairs(PHOTOGRAPH, [CHAIN[0], CHAIN[2]], ["edited-edited"], 1))
    assert [(p.more_id, p.fewer_id, p.delta) for p in pairs] == [("e1", "e3", 3)]


def test_no_edits_no_pairs():
    assert list(chain_pairs(PHOTOGRAPH, [], KINDS, 1)) == []


@pytest.mark.parametrize(
    "edits",
    [
        [edit(1, [1, 2]), edit(2, [2, 3, 4])],
        [edit(1, [1]), edit(2, [1])],
        [dataclasses.replace(edit(1, [1]), removed_count=2)],
        [edit(1, [])],
        [edit(1, [1], parent="beef")],
    ],
)
def test_what_is_no_chain_is_refused(edits):
    with pytest.raises(ThrongError, match="run remove again"):
        list(chain_pairs(PHOTOGRAPH, edits, KINDS, 1))


def test_contradictions_are_found():
    pairs = list(chain_pairs(PHOTOGRAPH, CHAIN, KINDS, 1))
    check_order(pairs)
    back = dataclasses.replace(pairs[0], more_id="e3", fewer_id="00ff")
    with pytest.raises(ThrongError, match="contradict each other"):
        check_order([*pairs, back])
    with pytest.raises(ThrongError, match="contradict each other"):
        check_order([dataclasses.replace(pairs[0], fewer_id="00ff")])
