"""The labellers of the mode fixed: an oracle of their formulas, and what must hold of any crowd."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import percentileofscore

from tests.unit.density.scenes import (
    REFERENCE,
    as_tall_as_the_median,
    crowd_of,
    joined,
    random_crowd,
    resized,
    shrunk,
    standing,
)
from throng.density import fixed, kde
from throng.density.crowd import Crowd, Window, crop_window
from throng.density.fixed import METHODS, measure
from throng.density.floor import floor_of
from throng.density.grid import CELL_BODIES, CELL_M, cells
from throng.density.labels import DEFAULT_THRESHOLDS, class_of
from throng.density.people import SPACING
from throng.errors import ThrongError

SCENES = st.builds(lambda seed, flat: random_crowd(seed, perspective=not flat), st.integers(0, 2**32), st.booleans())
PLACED = ("euclidean", "grid", "grid-metres", "kde")
METRIC = ("grid-metres", "kde")


def score(method: str, crowd: Crowd) -> float:
    value = measure(method, crowd, REFERENCE).score
    assert value is not None
    assert np.isfinite(value)
    return value


def values(method: str, crowd: Crowd) -> np.ndarray:
    """Each person's value, whose largest marks the densest place."""
    feet, heights = standing(crowd)
    if method == "euclidean":
        return -fixed.neighbour_distances(feet, heights)
    if method == "kde":
        floor = floor_of(crowd)
        assert floor is not None
        return kde.at_people(floor.to_metres(feet))
    return cells("grid-metres" if method == "grid-metres" else "grid", crowd).values


def at_least(after: float, before: float) -> bool:
    return after >= before * (1 - 1e-12)


def plan_or_ground(crowd: Crowd) -> np.ndarray:
    feet, heights = standing(crowd)
    if crowd.ground is not None:
        below = feet[:, 1] - crowd.ground.horizon
        depth = crowd.ground.camera_height_m * crowd.ground.focal_px / below
        return np.stack([(feet[:, 0] - crowd.ground.centre) * depth / crowd.ground.focal_px, depth], 1)
    return feet * 1.685 / np.median(heights)


@settings(max_examples=200, deadline=None)
@given(SCENES)
def test_scores_are_their_formulas(crowd: Crowd):
    feet, heights = standing(crowd)
    assert score("threshold", crowd) == len(feet)
    if len(feet) == 0:
        return
    assert score("normalised", crowd) == pytest.approx(percentileofscore(REFERENCE, len(feet), "mean") / 100)
    near = np.clip(cdist(feet, feet) / heights[:, None], 0.05, 10)
    np.fill_diagonal(near, 10)
    padded = np.concatenate([near, np.full((len(feet), 5), 10.0)], 1)
    assert score("euclidean", crowd) == pytest.approx(1 / np.sort(padded, 1)[:, :5].mean())
    aside = np.abs(feet[:, None] - feet[None])
    inside = (aside <= heights[:, None, None] * np.array(CELL_BODIES) / 2).all(2).sum(1)
    found = measure("grid", crowd, None)
    assert found.score == pytest.approx(inside.mean())
    assert found.overall == pytest.approx(1 / (1 / inside).mean())
    metres = plan_or_ground(crowd)
    inside = (np.abs(metres[:, None] - metres[None]) <= CELL_M / 2).all(2).sum(1)
    assert score("grid-metres", crowd) == pytest.approx(inside.mean() / CELL_M**2)
    density = np.exp(-(cdist(metres, metres) ** 2) / 2).sum(1) / (2 * np.pi)
    assert score("kde", crowd) == pytest.approx(np.percentile(density, 95))


@settings(max_examples=1000, deadline=None)
@given(SCENES)
def test_joining_the_densest_person_never_lowers_a_score(crowd: Crowd):
    for method in METHODS:
        if len(standing(crowd)[0]) == 0:
            continue
        more = joined(crowd, int(np.argmax(values(method, crowd))))
        if crowd.ground is None and method in METRIC:
            more = as_tall_as_the_median(more)
        assert at_least(score(method, more), score(method, crowd)), method


def test_who_joins_one_of_two_raises_nearness_and_who_stands_far_lowers_it():
    feet = np.array([(100.0, 300.0), (190.0, 300.0)])
    pair = crowd_of(640, 480, feet, np.full(2, 100.0), None)
    trio = joined(pair, 0)
    far = crowd_of(2000, 480, np.concatenate([feet, [(1900.0, 300.0)]]), np.full(3, 100.0), None)
    assert score("euclidean", trio) > score("euclidean", pair)
    assert score("euclidean", far) < score("euclidean", pair)


def test_the_first_person_raises_every_score():
    nobody = crowd_of(640, 480, np.zeros((0, 2)), np.zeros(0), None)
    lone = crowd_of(640, 480, np.array([(320.0, 400.0)]), np.array([90.0]), None)
    for method in METHODS:
        assert score(method, nobody) == 0
        assert score(method, lone) > 0


@settings(max_examples=1000, deadline=None)
@given(SCENES, st.floats(0, 1))
def test_shrinking_all_distances_never_lowers_a_score(crowd: Crowd, share: float):
    if len(standing(crowd)[0]) == 0:
        return
    for method in METHODS:
        closer = shrunk(crowd, share, on_ground=method in METRIC)
        assert at_least(score(method, closer), score(method, crowd)), method


@settings(max_examples=400, deadline=None)
@given(SCENES, st.floats(0.5, 2))
def test_resizing_leaves_every_score(crowd: Crowd, factor: float):
    for method in METHODS:
        assert score(method, resized(crowd, factor)) == pytest.approx(score(method, crowd), rel=1e-6), method


@pytest.mark.parametrize("perspective", [True, False])
def test_resizing_leaves_the_class_of_the_window_in_99_percent(perspective: bool):
    rng = np.random.default_rng(7)
    changed, scenes = dict.fromkeys(METHODS, 0), 500
    for seed in range(scenes):
        crowd = random_crowd(seed, perspective=perspective)
        other = resized(crowd, rng.uniform(0.5, 2))
        parts = [each.within(crop_window("center-crop", each.width, each.height)) for each in (crowd, other)]
        for method in METHODS:
            one, two = (class_of(score(method, part), DEFAULT_THRESHOLDS[method]) for part in parts)
            changed[method] += one != two
    assert max(changed.values()) <= 0.01 * scenes, changed


@settings(max_examples=300, deadline=None)
@given(SCENES)
def test_people_outside_the_window_do_not_change_it(crowd: Crowd):
    window = Window(crowd.width // 4, crowd.height // 5, crowd.width // 2, crowd.height // 2)
    cut = crowd.within(window)
    assert crowd.heads is not None
    feet, heights = standing(crowd)
    x, y = crowd.heads[:, 0] - window.x, crowd.heads[:, 1] - window.y
    inside = (x >= -0.5) & (x < window.w - 0.5) & (y >= -0.5) & (y < window.h - 0.5)
    alone = dataclasses.replace(
        crowd, count=float(inside.sum()), heads=crowd.heads[inside], feet=feet[inside], heights=heights[inside]
    ).within(window)
    for method in METHODS:
        assert measure(method, cut, REFERENCE) == measure(method, alone, REFERENCE)


@settings(max_examples=200, deadline=None)
@given(SCENES)
def test_the_order_of_people_does_not_matter(crowd: Crowd):
    feet, heights = standing(crowd)
    order = np.random.default_rng(0).permutation(len(feet))
    other = crowd_of(crowd.width, crowd.height, feet[order], heights[order], crowd.ground)
    for method in METHODS:
        assert score(method, other) == pytest.approx(score(method, crowd))


def test_the_largest_component_is_measured_alone():
    pile = np.array([(100 + 4 * n, 300) for n in range(6)], float)
    pair = np.array([(600.0, 300.0), (601.0, 300.0)])
    together = crowd_of(800, 400, np.concatenate([pair, pile]), np.full(8, 100.0), None)
    alone = crowd_of(800, 400, pile, np.full(6, 100.0), None)
    assert measure("threshold", together, None).largest == 6
    assert measure("normalised", together, REFERENCE).largest == fixed.rank(6, REFERENCE)
    for method in PLACED:
        assert measure(method, together, None).largest == pytest.approx(score(method, alone), rel=1e-6)


def test_a_count_that_is_not_whole_is_the_score():
    crowd = Crowd(640, 480, 12.25)
    assert measure("threshold", crowd, None) == fixed.Measure(12.25, None, 12.25)
    assert score("normalised", crowd) == 5 / 12


@pytest.mark.parametrize("method", PLACED)
def test_who_is_nowhere_or_of_no_size_has_no_score(method: str):
    points = np.array([(5.0, 5.0), (9.0, 9.0)])
    nowhere = measure(method, Crowd(64, 64, 2), None)
    sizeless = measure(method, Crowd(64, 64, 2, points), None)
    assert (nowhere.score, nowhere.reason.split(":")[0]) == (None, "no positions")
    assert (sizeless.score, sizeless.reason.split(":")[0]) == (None, "no scale")
    for nobody in (Crowd(64, 64, 0), Crowd(64, 64, 0, np.zeros((0, 2)))):
        assert measure(method, nobody, None).score == 0


@pytest.mark.parametrize("method", PLACED)
def test_a_scale_made_of_the_distances_measures_no_distances(method: str):
    guessed = dataclasses.replace(random_crowd(8, perspective=False), scale=SPACING)
    found = measure(method, guessed, None)
    assert found.score is None
    assert found.reason.startswith("no scale: body heights were guessed")
    assert measure("threshold", guessed, None) == fixed.Measure(guessed.count, None, guessed.count)


def test_without_body_heights_a_ground_is_enough_for_metres():
    crowd = random_crowd(3, perspective=True)
    bare = dataclasses.replace(crowd, heights=None)
    for method in METRIC:
        assert measure(method, bare, None) == measure(method, crowd, None)
    for method in ("euclidean", "grid"):
        assert measure(method, bare, None).reason.startswith("no scale:")


def test_one_scale_is_flagged_and_a_ground_is_not():
    for method in METRIC:
        assert measure(method, random_crowd(8, perspective=False), None).flags == ("one-scale",)
        assert measure(method, random_crowd(8, perspective=True), None).flags == ()


def test_feet_above_the_horizon_are_far_away_and_crowd_nobody():
    crowd = random_crowd(8, perspective=True)
    feet, heights = standing(crowd)
    assert crowd.ground is not None
    sky = np.array([(10.0, crowd.ground.horizon - 40), (90.0, crowd.ground.horizon)])
    with_sky = crowd_of(
        crowd.width, crowd.height, np.concatenate([feet, sky]), np.append(heights, [9.0, 9.0]), crowd.ground
    )
    assert cells("grid-metres", with_sky).people[-2:].tolist() == [1, 1]
    assert cells("grid-metres", with_sky).people[:-2].tolist() == cells("grid-metres", crowd).people.tolist()


def test_without_training_images_there_is_no_rank():
    for reference in (None, []):
        assert measure("normalised", Crowd(64, 64, 3), reference).reason.startswith("no reference:")


@given(st.lists(st.integers(0, 50), min_size=1).map(sorted), st.integers(0, 60))
def test_rank_rises_with_the_count(reference: list[int], count: int):
    assert 0 <= fixed.rank(count, reference) <= fixed.rank(count + 1, reference) <= 1


def test_an_unknown_method_is_named():
    with pytest.raises(ThrongError, match="'voronoi' is no labelling method; expected one of threshold"):
        measure("voronoi", Crowd(64, 64, 0), None)
