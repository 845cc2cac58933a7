"""Classes, their names and the choice of a labeller over both modes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.density.scenes import REFERENCE, crowd_of, random_crowd
from throng.density import compat, fixed
from throng.density.crowd import Crowd
from throng.density.labels import DEFAULT_THRESHOLDS, class_names, class_of, label
from throng.density.service import SCHEMES
from throng.errors import ThrongError

NOBODY = Crowd(640, 480, 0)
BOXES = compat.scene_of_boxes(1920, 1080, np.array([(10, 10, 82, 200), (1800, 800, 82, 200)], float))


def queue(spacing: float, people: int) -> Crowd:
    """A lattice of people on a plan, ``spacing`` metres apart, each 168.5 pixels tall."""
    side = int(np.ceil(np.sqrt(people)))
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    feet = 100 * spacing * np.stack([x.ravel(), y.ravel()], 1)[:people] + 500
    return crowd_of(4000, 4000, feet, np.full(people, 168.5), None)


def square(density: float) -> Crowd:
    """Return people anywhere on a square of 12 m, on a plan."""
    feet = np.random.default_rng(4).uniform(0, 1200, (round(144 * density), 2))
    return crowd_of(1200, 1200, feet, np.full(len(feet), 168.5), None)


@pytest.mark.parametrize(("count", "density_class"), [(0, 0), (1, 0), (10, 0), (11, 1), (30, 1), (31, 2), (5000, 2)])
def test_upper_ends_are_inclusive(count: int, density_class: int):
    assert class_of(count, (10, 30)) == density_class
    assert label("threshold", "fixed", Crowd(640, 480, count), None, None, None, None)[1] == density_class


@given(st.floats(0, 1000), st.sets(st.floats(0, 900), min_size=1).map(sorted))
def test_the_class_is_the_number_of_thresholds_exceeded(score: float, thresholds: list[float]):
    assert class_of(score, thresholds) == sum(score > end for end in thresholds)


@pytest.mark.parametrize("method", fixed.METHODS)
def test_every_class_of_every_method_is_reached(method: str):
    crowds = [NOBODY, *(queue(spacing, 5 + 4 * n) for n, spacing in enumerate(np.geomspace(8, 0.2, 25)))]
    classes = [label(method, "fixed", crowd, None, REFERENCE, None, None)[1] for crowd in crowds]
    assert set(classes) == {0, 1, 2}
    assert classes == sorted(classes, key=lambda value: -1 if value is None else value)


@pytest.mark.parametrize("method", ["grid-metres", "kde"])
def test_a_level_of_service_scheme_makes_six_classes(method: str):
    for scheme in SCHEMES.values():
        classes = set()
        for density in np.geomspace(0.02, 12, 60):
            measure, density_class = label(method, "fixed", square(density), None, None, None, scheme.name)
            assert measure.score is not None
            assert density_class == scheme.level(measure.score)
            classes.add(density_class)
        assert classes == set(range(6))
        assert class_names(method, "fixed", scheme.name, None) == list("ABCDEF")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.lists(st.floats(0.01, 50), min_size=1, max_size=8, unique=True))
def test_class_count_follows_the_thresholds(seed: int, perspective: bool, ends: list[float]):
    ends = sorted(ends)
    crowd = random_crowd(seed, perspective=perspective)
    for method in fixed.METHODS:
        measure, density_class = label(method, "fixed", crowd, None, REFERENCE, None, ends)
        assert measure == fixed.measure(method, crowd, REFERENCE)
        assert measure.score is not None
        assert density_class == sum(measure.score > end for end in ends)
        assert len(class_names(method, "fixed", ends, None)) == len(ends) + 1


def test_names_are_the_given_ones_or_numbers_or_words():
    assert class_names("kde", "fixed", (1, 2), ["calm", "busy", "full"]) == ["calm", "busy", "full"]
    assert class_names("grid", "fixed", (1, 2, 3), None) == ["0", "1", "2", "3"]
    assert class_names("grid", "fixed", None, None) == ["low", "medium", "high"]
    assert class_names("euclidean", "compat", None, None) == ["low", "medium", "high"]


def test_the_default_thresholds_rise():
    assert set(DEFAULT_THRESHOLDS) == set(fixed.METHODS)
    for ends in DEFAULT_THRESHOLDS.values():
        assert len(ends) == 2
        assert ends[0] < ends[1]


def test_metres_change_class_where_a_walkway_changes_level():
    scheme = SCHEMES["fruin-walkway"]
    for end, (low, high) in zip(DEFAULT_THRESHOLDS["kde"], (("B", "C"), ("D", "E")), strict=True):
        assert (scheme.letter(end), scheme.letter(end * 1.0001)) == (low, high)


@pytest.mark.parametrize("method", fixed.METHODS)
def test_compat_is_handed_on(method: str):
    measure, density_class = label(method, "compat", NOBODY, BOXES, None, (1, 3), None)
    assert measure == compat.measure(method, BOXES, (1, 3))
    assert measure.score is not None
    assert density_class == compat.density_class(method, measure.score)


def test_compat_without_boxes_or_extremes_says_so():
    without, none = label("grid", "compat", NOBODY, None, None, (1, 3), None)
    assert (none, without.reason.split(":")[0]) == (None, "no boxes")
    unknown, none = label("normalised", "compat", NOBODY, BOXES, None, None, None)
    assert (none, unknown.reason.split(":")[0]) == (None, "no extremes")
    assert label("threshold", "compat", NOBODY, BOXES, None, None, None)[1] == 0


def test_without_a_score_there_is_no_class():
    measure, density_class = label("kde", "fixed", dataclasses.replace(NOBODY, count=3), None, None, None, None)
    assert measure.score is None
    assert density_class is None


def test_an_unknown_mode_is_named():
    with pytest.raises(ThrongError, match="'exact' is no mode; expected fixed or compat"):
        label("grid", "exact", NOBODY, None, None, None, None)
