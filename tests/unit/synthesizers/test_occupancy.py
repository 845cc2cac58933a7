import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.synthesizers.occupancy import Occupancy

BODY = np.full((30, 10), 255, np.uint8)


def add(occupancy, left, top, foot=None):
    foot = top + BODY.shape[0] if foot is None else foot
    return occupancy.add(BODY, left, top, (left + 4.5, top + 2), BODY.shape[0], foot)


def test_the_nearer_one_is_in_front_whatever_came_first():
    for order in ((0, 1), (1, 0)):
        occupancy = Occupancy(60, 60, 2, 0.3)
        places = [(20, 10), (24, 18)]
        assert all(add(occupancy, *places[which]) for which in order)
        near = order.index(1)
        assert (occupancy.owner[18:48, 24:34] == near).all()
        assert (occupancy.owner[10:18, 20:30] == 1 - near).all()


def test_whoever_would_hide_a_head_is_refused():
    occupancy = Occupancy(60, 60, 2, 0.0)
    assert add(occupancy, 20, 10)
    assert not add(occupancy, 20, 11)
    assert add(occupancy, 40, 11)


def test_whoever_would_stand_hidden_is_refused():
    occupancy = Occupancy(60, 60, 2, 0.5)
    assert add(occupancy, 20, 20)
    assert not add(occupancy, 20, 10)
    assert add(occupancy, 26, 10)


def test_pixels_outside_the_image_are_hidden():
    occupancy = Occupancy(60, 60, 3, 0.5)
    assert not add(occupancy, 20, 46)
    assert not add(occupancy, 20, 70)
    assert add(occupancy, 20, 44)
    assert not add(occupancy, -6, 10)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-8, 70), st.integers(-10, 60)), min_size=1, max_size=25, unique_by=lambda p: p[1]),
    st.sampled_from([0.0, 0.3, 0.7]),
)
def test_the_map_is_what_painting_from_far_to_near_gives(places, min_visible):
    occupancy = Occupancy(70, 80, len(places), min_visible)
    kept = [place for place in places if add(occupancy, *place)]
    painted = np.full((70, 80), -1)
    for index, (left, top) in sorted(enumerate(kept), key=lambda item: item[1][1]):
        painted[max(top, 0) : max(top + 30, 0), max(left, 0) : max(left + 10, 0)] = index
    assert np.array_equal(occupancy.owner, painted)
    for index, (left, top) in enumerate(kept):
        assert (painted == index).sum() >= max(1, min_visible * BODY.size)
        assert painted[top + 2, round(left + 4.5)] == index


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-8, 70), st.integers(-10, 60)), min_size=1, max_size=25, unique_by=lambda p: p[1]),
    st.sampled_from([0.0, 0.3, 0.7]),
    st.booleans(),
)
def test_a_small_picture_says_no_only_where_adding_would(places, min_visible, mirrored):
    occupancy = Occupancy(70, 80, len(places), min_visible)
    for left, top in places:
        worth = occupancy.may_fit(BODY[::2, ::2].copy(), left, top, BODY.shape, top + 30, mirrored=mirrored)
        assert not add(occupancy, left, top) or worth or min_visible > 0
