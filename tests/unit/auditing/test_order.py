"""Order by true count: planted wrong pairs are found, named and counted; nothing the remover says is believed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.test_detectors import image_row
from tests.rows import pair_row, removal_row
from tests.unit.auditing.world import HEIGHT, WIDTH, around, box
from throng import rle
from throng.auditing.order import Subject, audit, figures, holds
from throng.auditing.shares import bin_name, bin_order, wilson
from throng.errors import ThrongError

HEADS = [{"x": 20.0, "y": 10.0}, {"x": 60.0, "y": 10.0}, {"x": 100.0, "y": 10.0}]
PEOPLE = [box(10, 5, 20, 60), box(50, 5, 20, 60), box(140, 20, 20, 60)]  # the third has no head, its own is undetected


def encoded(mask: np.ndarray) -> str:
    return rle.encode(mask, height=mask.shape[0], width=mask.shape[1])


def edit(key: str, boxes: list, **said):
    return removal_row(id=key, mask=encoded(around(boxes)), **said)


def subject(*edits, pairs, points=HEADS) -> Subject:
    row = image_row(HEIGHT, WIDTH, "p", points=points)
    return Subject(row, PEOPLE, {one.id: one for one in edits}, list(pairs))


def test_a_right_pair_is_right_and_its_true_difference_is_told():
    one = edit("e1", PEOPLE[:2], removed=[0, 1])
    (row,) = audit(subject(one, pairs=[pair_row(removed=[0, 1])]))
    assert (row.status, row.correct, row.cause) == ("ok", True, "")
    assert (row.true_photograph, row.true_more, row.true_fewer, row.true_delta) == (3, 3, 1, 2)
    assert row.backend == "opencv"


def test_a_removed_false_detection_makes_a_wrong_pair_with_its_cause():
    (row,) = audit(subject(edit("e1", PEOPLE[2:], removed=[2]), pairs=[pair_row(removed=[2])]))
    assert (row.correct, row.true_more, row.true_fewer, row.delta) == (False, 3, 3, 1)
    assert row.cause.startswith("no annotated head: 1 removed boxes hold none")


def test_a_head_that_the_mask_leaves_makes_a_wrong_pair():
    feet = box(10, 40, 20, 25)
    (row,) = audit(subject(edit("e1", [feet], removed=[0]), pairs=[pair_row(removed=[0])]))
    assert row.correct is False
    assert row.cause == "head left: 0 heads went; 1 of 1 removed boxes still show a head"


def test_a_sham_over_an_undetected_person_is_not_equal():
    hidden = box(90, 5, 20, 60)
    pair = pair_row(kind="sham-equal", relation="equal", removed=[])
    (row,) = audit(subject(edit("e1", [hidden], recipe="sham", removed=[]), pairs=[pair]))
    assert row.correct is False
    assert row.cause.startswith("bystander: 1 heads are in the first alone, 0 in the second alone")


def test_edits_of_a_chain_are_compared_with_each_other_by_their_masks_from_the_photograph():
    first, second = edit("e1", PEOPLE[:1]), edit("e2", PEOPLE[:2], level=2, base_id="e1", removed=[0, 1])
    pair = pair_row(kind="edited-edited", more_id="e1", fewer_id="e2", removed=[1])
    backwards = dataclasses.replace(pair, id="q", more_id="e2", fewer_id="e1")
    right, wrong = audit(subject(first, second, pairs=[pair, backwards]))
    assert (right.correct, right.true_more, right.true_fewer) == (True, 2, 1)
    assert (wrong.correct, wrong.true_delta) == (False, -1)


def test_windows_count_the_heads_inside():
    crop = {"x": 40, "y": 0, "w": 61, "h": 40}  # its right edge is at 100.5: the third head is inside
    less = {"x": 41, "y": 0, "w": 59, "h": 40}
    pair = pair_row(
        kind="nested-crop", relation="at-least", fewer_id="p", more_crop=crop, fewer_crop=less, delta=None, removed=[]
    )
    (row,) = audit(subject(pairs=[pair]))
    assert (row.true_more, row.true_fewer, row.correct, row.backend) == (2, 1, True, "")


def test_what_cannot_be_known_is_not_guessed():
    again = removal_row(id="e1", recipe="reduce", removed=[], removed_count=None, count_before=9, count_after=7)
    pair = pair_row(kind="real-reduced", delta=None, removed=[])
    (row,) = audit(subject(again, pairs=[pair]))
    assert (row.status, row.correct, row.reason.split(":")[0]) == ("rejected", None, "rendered again")
    assert (row.detector_more, row.detector_fewer, row.detector_correct) == (9, 7, True)
    (row,) = audit(subject(edit("e1", PEOPLE[:1]), pairs=[pair_row()], points=None))
    assert (row.status, row.reason.split(":")[0], row.true_photograph) == ("rejected", "unlabelled", None)
    foreign = removal_row(id="e1", mask=encoded(np.ones((4, 4), bool)))
    (row,) = audit(subject(foreign, pairs=[pair_row()]))
    assert (row.status, row.reason.split(":")[0]) == ("rejected", "mask")


def test_a_pair_of_an_edit_that_is_not_there_is_an_error():
    with pytest.raises(ThrongError, match="no kept edit"):
        audit(subject(pairs=[pair_row()]))
    with pytest.raises(ThrongError, match="'less'"):
        holds("less", 1, 2)


def test_figures_of_nothing_and_of_planted_errors():
    nothing = figures([], 0.99, [0, 10], [0, 1])
    assert nothing["edited"]["share"] is None and nothing["by_backend"] == []
    edits = [edit("e1", PEOPLE[:1]), edit("e2", PEOPLE[2:], removed=[2])]
    pairs = [pair_row(id="a"), pair_row(id="b", fewer_id="e2", removed=[2])]
    found = figures(audit(subject(*edits, pairs=pairs)), 0.99, [0, 10], [0, 1])
    assert (found["edited"]["number"], found["edited"]["right"], found["edited"]["photographs"]) == (2, 1, 1)
    assert found["wrong"] == {"no annotated head": 1} and found["wrong_ids"] == ["b"]
    assert found["delta"]["fewer_gone_than_recorded"] == 1 and found["delta"]["mean_error"] == -0.5
    assert [record["group"] for record in found["by_delta"]] == ["1+"]


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_are_where_the_score_test_just_rejects(case):
    right, number = case
    low, high = wilson(right, number)
    assert 0 <= low <= right / number <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            score = (right / number - bound) / np.sqrt(bound * (1 - bound) / number)
            assert abs(abs(score) - 1.959963984540054) < 1e-6


def test_bins_cover_everything_in_order():
    lows = [0, 1, 2, 10]
    names = [bin_name(value, lows) for value in (0, 1, 2, 9, 10, 500, None)]
    assert names == ["0", "1", "2-9", "2-9", "10+", "10+", "unknown"]
    assert sorted(set(names), key=bin_order) == ["0", "1", "2-9", "10+", "unknown"]
