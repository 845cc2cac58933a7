"""Chains: exact numbers, nested, nobody half-removed, repeatable."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.removers.masks import Patch
from throng.removers.selection import chain
from throng.seeds import generator

KEPT = [0.75, 0.5, 0.25, 0.0]


def random(key: str = "a") -> np.random.Generator:
    return generator(0, "remove", key)


def apart(people: int) -> np.ndarray:
    return np.array([[40.0 * index, 5, 20, 50] for index in range(people)]).reshape(-1, 4)


def test_exactly_the_asked_number_goes_when_people_stand_apart():
    for people in range(1, 60):
        levels = chain(apart(people), KEPT, 0.3, random(str(people)))
        wanted = sorted({round(people * (1 - share)) for share in KEPT} - {0})
        assert [len(level) for level in levels] == wanted


def test_two_who_share_a_place_go_together():
    boxes = np.vstack([apart(3), apart(3)[1] + np.array([2, 0, 0, 0])])
    for key in "abcdefgh":
        for level in chain(boxes, KEPT, 0.3, random(key)):
            assert (1 in level) == (3 in level)


def test_a_far_person_in_front_of_whom_a_large_one_stands_goes_with_that_one_but_not_the_other_way_round():
    large, small = [0.0, 0, 100, 200], [40.0, 50, 20, 40]
    pairs = [chain(np.array([large, small]), [0.5], 0.3, random(str(key))) for key in range(20)]
    assert all(levels == [[1]] for levels in pairs)


def test_losses_to_several_people_add_up():
    middle = [100.0, 0, 100, 100]
    sides = [[80.0, 0, 40, 100], [180.0, 0, 40, 100]]  # each covers a fifth of the one between them
    boxes = np.array([middle, *sides])
    for key in range(20):
        levels = chain(boxes, [1 / 3, 0.0], 0.3, random(str(key)))
        assert levels[-1] == [0, 1, 2]
        assert all(level != [1, 2] for level in levels)


def test_the_order_comes_from_the_generator():
    assert chain(apart(30), KEPT, 0.3, random("x")) == chain(apart(30), KEPT, 0.3, random("x"))
    assert chain(apart(30), KEPT, 0.3, random("x")) != chain(apart(30), KEPT, 0.3, random("y"))


def test_instance_masks_decide_where_both_have_one():
    boxes = np.array([[0.0, 0, 40, 100], [20.0, 0, 40, 100]])  # half of either box lies in the other
    halves = {index: Patch(0, 20 * index, np.ones((100, 20), bool)) for index in (0, 1)}
    touching = {0: halves[0], 1: Patch(0, 12, np.ones((100, 20), bool))}  # two fifths of either body
    for key in range(10):
        assert [len(level) for level in chain(boxes, [0.5, 0.0], 0.3, random(str(key)), halves)] == [1, 2]
        assert [len(level) for level in chain(boxes, [0.5, 0.0], 0.3, random(str(key)), touching)] == [2]
        assert [len(level) for level in chain(boxes, [0.5, 0.0], 0.3, random(str(key)), {0: halves[0]})] == [2]


people_boxes = st.lists(
    st.tuples(st.floats(0, 300), st.floats(0, 200), st.floats(5, 80), st.floats(5, 150)), min_size=1, max_size=25
)


@settings(deadline=None)
@given(people_boxes, st.lists(st.floats(0, 0.99), min_size=1, max_size=5, unique=True), st.floats(0.05, 1.0))
def test_chains_are_nested_grow_never_exceed_and_leave_nobody_half_removed(people, shares, overlap):
    boxes = np.array(people)
    kept = sorted(shares, reverse=True)
    levels = chain(boxes, kept, overlap, random())
    sizes = [len(level) for level in levels]
    assert sizes == sorted(set(sizes))
    assert all(set(one) < set(two) for one, two in itertools.pairwise(levels))
    assert all(level == sorted(set(level)) and set(level) <= set(range(len(boxes))) for level in levels)
    assert max(sizes, default=0) <= round(len(boxes) * (1 - kept[-1]))
    if 0.0 in kept:
        assert levels[-1] == list(range(len(boxes)))
    for level in levels:
        for other in set(range(len(boxes))) - set(level):
            assert covered(boxes, other, level) <= overlap + 0.02


def covered(boxes: np.ndarray, person: int, level: list[int]) -> float:
    """Measure the share of a box under other boxes by sampling it."""
    x, y, w, h = boxes[person]
    xs, ys = np.meshgrid(x + w * (np.arange(60) + 0.5) / 60, y + h * (np.arange(60) + 0.5) / 60)
    under = np.zeros(xs.shape, bool)
    for other in level:
        a, b, c, d = boxes[other]
        under |= (xs >= a) & (xs < a + c) & (ys >= b) & (ys < b + d)
    return float(under.mean())
