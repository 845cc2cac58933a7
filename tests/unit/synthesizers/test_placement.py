import dataclasses
import re

import numpy as np
import pytest

from tests.unit.synthesizers.drawn import FEET, PLANE, image_row
from throng.synthesizers.cutouts import CutOut
from throng.synthesizers.ground import GroundPlane
from throng.synthesizers.photometry import Look
from throng.synthesizers.placement import ELBOW_M, LEAST_HEIGHT, Deck, _on_body, place_people
from throng.synthesizers.places import KNOWN, Place

LOOK = Look((120.0, 0.0, 0.0), (50.0, 5.0, 5.0), 1.0)
WIDE = GroundPlane(0.3, 0.0)


def cutouts(number, height=200):
    rgba = np.full((height, height // 4, 4), 255, np.uint8)
    return [CutOut("photograph", index, rgba, (height / 8, 0.07 * height), height / 8, LOOK) for index in range(number)]


def place(plane=WIDE, shape=(384, 512), feet=(), ground=None):
    row = image_row("i", "s", "p", shape)
    feet = np.array(feet, float).reshape(-1, 2)
    return Place("i", shape[1], shape[0], row, plane, KNOWN, feet, ground, 0.0)


def put(count, seed=0, library=None, where=None, min_visible=0.3, repeat=False):
    rng = np.random.default_rng(seed)
    deck = Deck(cutouts(80) if library is None else library, rng, repeat=repeat)
    return place_people(where or place(), deck, count, min_visible, rng)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_exactly_so_many_people_are_placed_and_seen(count):
    people, owner = put(count)
    assert len(people) == count
    assert set(np.unique(owner)) - {-1} == set(range(count))


def test_everybody_is_as_tall_as_the_ground_says_and_nearer_is_taller():
    people, _ = put(40)
    feet = np.array([person.foot[1] for person in people])
    heights = np.array([person.height for person in people])
    assert np.abs(heights / WIDE.height_at(feet) - 1).max() < 0.15
    assert heights.min() >= LEAST_HEIGHT
    assert np.corrcoef(feet, heights)[0, 1] > 0.98


@pytest.mark.parametrize("min_visible", [0.2, 0.6])
def test_the_visible_share_and_the_heads_are_respected(min_visible):
    people, owner = put(40, seed=3, min_visible=min_visible)
    for index, person in enumerate(people):
        solid = (person.rgba[..., 3] >= 128).sum()
        assert (owner == index).sum() >= min_visible * solid
        x, y = (round(value) for value in person.head)
        assert owner[y, x] == index


def test_nobody_stands_inside_another():
    people, _ = put(40)
    ground = WIDE.to_ground(np.array([person.foot for person in people]), 512)
    apart = np.abs(ground[:, None] - ground[None]).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() >= ELBOW_M - 1e-9


def test_people_gather_where_people_stood():
    where = place(feet=[(100, 250), (110, 260), (120, 255)])
    people, _ = put(12, where=where)
    ground = WIDE.to_ground(np.array([person.foot for person in people]), 512)
    stood = WIDE.to_ground(where.feet, 512).mean(axis=0)
    assert np.median(np.hypot(*(ground - stood).T)) < 3


@pytest.mark.parametrize("repeat", [False, True])
def test_nobody_comes_twice_while_the_library_lasts(repeat):
    people, _ = put(40, library=cutouts(40), repeat=repeat)
    assert len({person.cutout.person for person in people}) == 40
    assert {(person.card.turn, person.card.gain) for person in people} == {(0.0, 1.0)}


def test_without_repeats_a_library_that_is_too_small_is_refused():
    refusal = put(40, library=cutouts(15))
    assert refusal == "too few cut-outs: 15 of 40 people on background i, then nobody was left who is large enough"


def test_who_is_repeated_comes_mirrored_and_in_other_colours():
    people, _ = put(40, library=cutouts(15), repeat=True)
    uses = np.bincount([person.cutout.person for person in people])
    assert uses.max() - uses.min() <= 1
    for which in range(15):
        same = [person.card for person in people if person.cutout.person == which]
        assert len({card.mirrored for card in same}) == 2
        assert len({(card.turn, card.gain) for card in same}) == len(same)


def test_a_head_point_lies_on_its_person_however_thin_the_neck():
    thin = []
    for cutout in cutouts(60):
        rgba = cutout.rgba.copy()
        rgba[:30, :23] = rgba[:30, 27:] = 0
        thin.append(dataclasses.replace(cutout, rgba=rgba, head=(21.0, 14.0)))
    people, owner = put(30, library=thin)
    for index, person in enumerate(people):
        x, y = person.head
        assert owner[round(y), round(x)] == index


def test_a_head_point_between_two_pixels_lies_on_its_person_wherever_it_stands():
    rgba = np.zeros((9, 6, 4), np.uint8)
    rgba[:, 2] = 255
    for left in (10, 11):
        x, y = _on_body(rgba[..., 3], left, 5, left + 2.5, 7.0)
        assert rgba[round(y) - 5, round(x) - left, 3] == 255


def test_everybody_stands_on_the_ground_where_it_is_known():
    ground = np.zeros((384, 512), bool)
    ground[200:, 100:300] = True
    people, _ = put(20, where=place(ground=ground))
    for person in people:
        x, y = person.foot
        assert ground[min(round(y), 383), round(x)]


def test_small_cutouts_are_not_blown_up():
    people, _ = put(10, library=cutouts(20, height=40))
    assert max(person.height for person in people) <= 1.5 * 40 + 1


def test_the_deck_takes_the_large_twice_only_when_the_small_do_not_serve():
    library = cutouts(1, height=300) + cutouts(5, height=30)
    deck = Deck(library, np.random.default_rng(0), repeat=True)
    assert deck.draw(200).cutout is library[0]
    deck.take()
    waited = [deck.draw(200) for _ in range(26)]
    assert waited[:25] == [None] * 25
    assert waited[25].cutout is library[0]
    assert deck.draw(1000) is None


def test_large_cutouts_are_kept_for_the_near():
    library = cutouts(20, height=300) + cutouts(60, height=60)
    deck = Deck(library, np.random.default_rng(0), repeat=False)
    for _ in range(30):
        assert deck.draw(40).cutout.height == 60
        deck.take()
    assert deck.draw(200).cutout.height == 300


def test_a_full_place_refuses_with_a_reason():
    refusal = put(300, where=place(PLANE, (192, 256), FEET), min_visible=0.9)
    assert isinstance(refusal, str)
    assert re.match(r"place full: \d+ of 300 people found a place on background i", refusal)


def test_the_same_seed_places_the_same_people():
    first, owner = put(20, seed=7)
    second, again = put(20, seed=7)
    assert np.array_equal(owner, again)
    assert [person.foot for person in first] == [person.foot for person in second]
    assert not np.array_equal(owner, put(20, seed=8)[1])
