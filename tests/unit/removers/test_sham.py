"""Shams: the same shapes, where nobody is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.removers import masks, sham
from throng.seeds import generator
from throng.tables.detections import Detection

PLAIN = {"dilation_px": 2.0, "dilation_share": 0.0, "shadow_share": 0.1}


def scene(boxes: list[tuple[float, float, float, float]], height: int, width: int) -> masks.Scene:
    people = [Detection(x=x, y=y, w=w, h=h, score=1.0, mask=None) for x, y, w, h in boxes]
    return masks.scene(people, height, width, **PLAIN)


def random(key: str = "a") -> np.random.Generator:
    return generator(0, "sham", key)


def test_a_lone_area_keeps_its_shape_and_its_rows():
    people = scene([(20, 30, 16, 40)], 100, 200)
    moved = sham.move(people, [0], random())
    assert moved is not None
    margin = people.margins[0]
    rows, columns = np.flatnonzero(moved.mask.any(axis=1)), np.flatnonzero(moved.mask.any(axis=0))
    assert rows[0] == margin.top
    assert np.array_equal(moved.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin.mask)
    assert moved.bodies.sum() == people.bodies[0].mask.sum()


def test_places_are_drawn():
    people = scene([(20, 30, 16, 40)], 100, 400)
    places = {int(np.flatnonzero(sham.move(people, [0], random(str(key))).mask.any(axis=0))[0]) for key in range(12)}  # type: ignore[union-attr]
    assert len(places) > 6
    first, again = (sham.move(people, [0], random("x")) for _ in range(2))
    assert first is not None
    assert again is not None
    assert np.array_equal(first.mask, again.mask)


def test_people_who_touch_move_together_where_there_is_room_and_apart_where_there_is_not():
    pair = [(20.0, 30.0, 16.0, 40.0), (38.0, 30.0, 16.0, 40.0)]
    together = sham.move(scene(pair, 100, 300), [0, 1], random())
    assert together is not None
    assert np.ptp(np.flatnonzero(together.mask.any(axis=0))) < 60
    tight = [(34.0, 30.0, 16.0, 40.0), (52.0, 30.0, 16.0, 40.0), (104.0, 0.0, 8.0, 100.0)]
    apart = sham.move(scene(tight, 100, 114), [0, 1], random())
    assert apart is not None
    columns = np.flatnonzero(apart.mask.any(axis=0))
    assert columns.min() < 32
    assert columns.max() > 70


def test_an_area_goes_to_other_rows_rather_than_nowhere():
    row = [(float(x), 60.0, 16.0, 40.0) for x in range(4, 190, 22)]
    people = scene(row, 240, 200)
    moved = sham.move(people, [3], random())
    assert moved is not None
    assert not (moved.mask[60:100]).any() or np.flatnonzero(moved.mask.any(axis=1))[0] != people.margins[3].top


def test_no_room_is_no_sham():
    assert sham.move(scene([(0, 0, 60, 80)], 80, 100), [0], random()) is None
    assert sham.move(scene([(0, 0, 1, 1)], 1, 1), [0], random()) is None


boxes = st.lists(
    st.tuples(st.floats(-20, 600), st.floats(-20, 300), st.floats(1, 60), st.floats(1, 90)), min_size=1, max_size=10
)


@settings(deadline=None, max_examples=60)
@given(boxes, st.data())
def test_shams_meet_nobody_and_are_as_large_as_what_they_copy(people, data):
    laid_out = scene(people, 370, 613)  # no multiple of a cell
    chosen = data.draw(st.lists(st.sampled_from(range(len(people))), min_size=1, unique=True))
    moved = sham.move(laid_out, sorted(chosen), random())
    if moved is None:
        return
    everybody = masks.union(laid_out.halos, 370, 613)
    assert not (moved.mask & everybody).any()
    assert not (moved.bodies & ~moved.mask).any()
    together = masks.union([laid_out.margins[index] for index in chosen], 370, 613).sum()
    alone = sum(laid_out.margins[index].mask.sum() for index in chosen)
    assert together <= moved.mask.sum() <= alone
