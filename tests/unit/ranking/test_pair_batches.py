"""Batches of ranked lists: what is in them, how often, and where people were removed."""

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest
import torch

from tests.rows import pair_row
from tests.unit.counting.test_rows import photograph
from throng.errors import ThrongError
from throng.ranking.appearance import random_look
from throng.ranking.pair_batches import RankBatches, longest_chain, lost_tiles
from throng.ranking.pair_table import Album, RankedPair, choose_pairs, is_emptied, numbered, removed_boxes
from throng.sections.pretrain_rank import Appearance, Ranker
from throng.tables.detections import DetectionRow

SIZE = (16, 24)
STILL = Appearance(mirror=False, zoom_out=0, resize=1, brightness=0, contrast=0, colour=0, blur=0, noise=0, jpeg=100)


def pair(more, fewer, *, parent="p", tie=False, delta=1.0, weight=1.0, boxes=None):
    kind = "sham-equal" if tie else "real-edited"
    return RankedPair(f"{more}-{fewer}", parent, kind, more, fewer, tie, 0.0 if tie else delta, weight, boxes)


def chain(*members, parent="p"):
    return [pair(a, b, parent=parent, delta=float(b - a)) for a, b in itertools.combinations(members, 2)]


def grey(number):
    """Pictures that say their number by their level."""
    return [np.full((*SIZE, 3), 10 * index, np.uint8) for index in range(number)]


def batches(pairs, **keys):
    options = Ranker(size=SIZE, appearance=STILL, **({"batch_pairs": 2, "list_length": 4} | keys))
    return RankBatches(pairs, grey(20), options, seed=5)


def shown(batch):
    return (batch.pictures[:, 0, 0, 0] // 10).tolist()


def test_a_batch_depends_on_its_number_alone():
    pairs = [*chain(0, 1, 2, 3), *chain(4, 5, 6, parent="q"), pair(1, 7, tie=True)]
    first, again = batches(pairs), batches(pairs)
    later = [again(number) for number in (3, 0)]
    for one, other in zip((first(3), first(0)), later, strict=True):
        for ours, theirs in zip(one, other, strict=True):
            assert torch.equal(ours, theirs) or bool((ours.isnan() & theirs.isnan()).all())
    assert not torch.equal(first(0).pictures, first(1).pictures)


def test_lists_of_two_are_the_pairs_each_once_an_epoch():
    pairs = [*chain(0, 1, 2, 3), *chain(4, 5, 6, parent="q"), pair(1, 7, tie=True)]
    made = batches(pairs, list_length=2)
    seen = Counter()
    for number in range(len(pairs) // 2):
        batch = made(number)
        pictures = shown(batch)
        assert len(pictures) == 4
        seen.update((pictures[more], pictures[fewer]) for more, fewer in batch.pairs.tolist())
    assert seen == Counter((p.more, p.fewer) for p in pairs)


def test_a_list_holds_every_pair_between_its_pictures_and_none_of_another_photograph():
    pairs = [*chain(0, 1, 2, 3), *chain(4, 5, 6, parent="q")]
    known = {(p.more, p.fewer): p for p in pairs}
    for number in range(6):
        batch = batches(pairs)(number)
        pictures = shown(batch)
        for (more, fewer), delta, tie in zip(
            batch.pairs.tolist(), batch.deltas.tolist(), batch.ties.tolist(), strict=True
        ):
            found = known[pictures[more], pictures[fewer]]
            assert (found.delta, found.tie) == (delta, tie)
        assert len(batch.pairs) == sum({4: 6, 3: 3}[sum(place >= 0 for place in row)] for row in batch.chains.tolist())
        for chained in batch.chains.tolist():
            members = [pictures[place] for place in chained if place >= 0]
            assert members == sorted(members)
            assert members in ([0, 1, 2, 3], [4, 5, 6])


def test_weights_reach_the_batch_and_chains_take_their_links_mean():
    pairs = [pair(0, 1, weight=0.5), pair(1, 2, weight=0.25), pair(2, 3, tie=True, weight=0.75)]
    batch = batches(pairs, batch_pairs=1)(0)
    assert sorted(batch.weights.tolist()) == [0.25, 0.5, 0.75]
    assert batch.chain_weights.tolist() == [0.375]


def test_the_longest_chain_is_found_through_ties_and_forks():
    fork = [pair(0, 1), pair(0, 2), pair(2, 3), pair(1, 4, tie=True)]
    assert longest_chain(fork)[0] == [0, 2, 3]
    assert longest_chain([pair(0, 1, tie=True)]) == ([], 0.0)
    assert longest_chain([pair(9, 3), pair(3, 5)]) == ([9, 3, 5], 1.0)


def test_tiles_that_lost_somebody_follow_the_look():
    look = random_look(STILL, grey(1)[0], np.random.default_rng(0))
    boxes = np.array([[0.1, 0.1, 0.2, 0.4]])
    assert lost_tiles(pair(0, 1, boxes=boxes), look, SIZE).tolist() == [1, 0, 0, 0]
    assert lost_tiles(pair(0, 1, boxes=np.array([[0.4, 0.6, 0.7, 0.9]])), look, SIZE).tolist() == [0, 0, -1, 1]
    assert lost_tiles(pair(0, 1, boxes=np.zeros((0, 4))), look, SIZE).tolist() == [0, 0, 0, 0]
    assert lost_tiles(pair(0, 1), look, SIZE).tolist() == [-1, -1, -1, -1]
    mirrors = [
        random_look(STILL.model_copy(update={"mirror": True}), grey(1)[0], np.random.default_rng(seed))
        for seed in range(20)
    ]
    mirrored = next(drawn for drawn in mirrors if drawn.mirror)
    assert lost_tiles(pair(0, 1, boxes=boxes), mirrored, SIZE).tolist() == [0, 1, 0, 0]


def test_pictures_that_everyone_is_removed_from_are_known_in_every_list():
    pairs = [dataclasses.replace(pair(0, 3), emptied=True), *chain(0, 1, 2), pair(1, 3), pair(2, 3)]
    for number in range(3):
        batch = batches(pairs)(number)
        assert batch.empty.tolist() == [picture == 3 for picture in shown(batch)]


def test_the_removed_are_where_they_were_detected():
    box = {"y": 3.0, "w": 2.0, "h": 3.0, "score": 1.0, "mask": None}
    found = {"p": DetectionRow("p", "d", [{"x": 0.0} | box, {"x": 4.0} | box], "ok", "")}
    shown = {"p": photograph("p")}
    assert removed_boxes(pair_row(removed=[1]), shown, found).tolist() == [[0.5, 0.5, 0.75, 1.0]]
    assert removed_boxes(pair_row(removed=[], delta=None), shown, found) is None
    with pytest.raises(
        ThrongError, match="pair pair names people of photograph p whom the tables images and detections"
    ):
        removed_boxes(pair_row(removed=[2]), shown, found)
    assert [is_emptied(pair_row(removed=removed), found) for removed in ([1], [0, 1])] == [False, True]
    assert not is_emptied(pair_row(removed=[0, 1], kind="edited-edited"), found)


def rows(**said):
    train = pair_row(id="a", parent_id="p", more_id="p", fewer_id="e", fewer_path="e.png", scene="s")
    val = pair_row(
        id="b", parent_id="v", more_id="v", more_path="v.jpg", fewer_id="f", fewer_path="f.png", split="val", scene="t"
    )
    sham = {"kind": "sham-equal", "relation": "equal", "delta": 0, "removed": []}
    tie = pair_row(id="c", parent_id="p", more_id="p", fewer_id="s", fewer_path="s.png", scene="s", **sham)
    return [train, val, tie] if not said else said["rows"](train, val, tie)


def test_chosen_rows_are_of_the_kinds_and_numbered_once():
    training, held_out = choose_pairs(rows(), ["real-edited", "sham-equal"])
    assert ([row.id for row in training], [row.id for row in held_out]) == (["a", "c"], ["b"])
    album = Album()
    first, second = (numbered(row, album) for row in training)
    assert (first.more, first.fewer, second.more, second.fewer) == (0, 1, 0, 2)
    assert second.tie
    window = {"x": 0, "y": 0, "w": 8, "h": 8}
    assert album.number("source", "p.jpg", window) == 3
    assert [row.id for row in choose_pairs(rows(), ["real-edited"])[0]] == ["a"]


def changed(row, **said):
    return pair_row(**{name: getattr(row, name) for name in row.__dataclass_fields__} | said)


@pytest.mark.parametrize(
    ("make", "kinds", "message"),
    [
        (
            lambda train, val, tie: [
                train,
                val,
                changed(
                    train,
                    id="d",
                    more_id="e",
                    fewer_id="p",
                    more_path="e.png",
                    fewer_path="p.jpg",
                    more_source="results",
                    fewer_source="source",
                ),
            ],
            ["real-edited"],
            "the ranked pairs contradict each other: pair a",
        ),
        (
            lambda train, val, tie: [
                train,
                val,
                changed(train, id="d", fewer_id="p", fewer_source="source", fewer_path="p.jpg"),
            ],
            ["real-edited"],
            "pair d has picture p on both of its sides: run rank_pairs again",
        ),
        (
            lambda train, val, tie: [tie, val],
            ["sham-equal"],
            "all 1 ranked pairs of split train show as many people on both sides: no order can be learnt",
        ),
        (
            lambda train, val, tie: [train, val, tie],
            ["real-edited", "nested-crop"],
            "of kind nested-crop; there are 1 real-edited, 1 sham-equal: choose among those in kinds, or add nested",
        ),
        (
            lambda train, val, tie: [changed(train, weight=0.0), val],
            ["real-edited"],
            "of kind real-edited; there are none",
        ),
        (lambda train, val, tie: [train, tie], ["real-edited"], "no ordered pair of split val is held out"),
        (
            lambda train, val, tie: [train, changed(val, parent_id="p")],
            ["real-edited"],
            "'p' has ranked pairs on both sides of the split",
        ),
    ],
)
def test_pairs_that_nothing_can_be_learnt_from_are_refused(make, kinds, message):
    with pytest.raises(ThrongError, match=message):
        choose_pairs(rows(rows=make), kinds)
