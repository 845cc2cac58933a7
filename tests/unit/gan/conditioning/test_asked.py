"""What is asked for, what it stands for, and which class a count is."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.gan.conditioning.asked import asked_for, expected_people
from throng.gan.conditioning.boundaries import class_of, count_boundaries


def labelled(kind, labels, classes=(), counts=None):
    return SimpleNamespace(kind=kind, labels=np.asarray(labels, float), classes=list(classes), counts=counts)


def test_every_class_is_asked_for_by_its_name_and_stands_for_its_mean_count():
    asked = asked_for(labelled("class", [0, 2, 2, 1, 0], ["few", "some", "many"]), levels=9)
    assert asked.names == ("few", "some", "many")
    assert asked.values.tolist() == [0, 1, 2]
    assert asked.group.tolist() == [0, 2, 2, 1, 0]
    stands_for, own = expected_people(asked, np.array([1.0, 10, 20, 5, 3]))
    assert stands_for.tolist() == [2, 5, 15]
    assert own.tolist() == [2, 15, 15, 5, 2]


def test_a_class_without_an_image_stands_for_nothing_known():
    asked = asked_for(labelled("class", [0, 2], ["few", "some", "many"]), levels=9)
    assert np.isnan(expected_people(asked, np.array([1.0, 9.0]))[0][1])


def test_letters_are_levels_of_service():
    assert asked_for(labelled("class", [0, 1], ["A", "B"]), 7).levels_of_service
    assert not asked_for(labelled("class", [0, 1], ["low", "high"]), 7).levels_of_service


def test_scores_are_asked_for_at_their_quantiles_and_stand_for_what_rises_with_them():
    random = np.random.default_rng(0)
    scores = random.uniform(0, 10, 4000)
    asked = asked_for(labelled("score", scores), levels=5)
    np.testing.assert_allclose(asked.values, np.quantile(scores, [0.05, 0.275, 0.5, 0.725, 0.95]))
    counts = 3 * scores + random.normal(0, 1, 4000)
    stands_for, own = expected_people(asked, counts)
    np.testing.assert_allclose(stands_for, 3 * asked.values, atol=0.6)
    assert (np.diff(own[np.argsort(scores)]) >= 0).all()
    assert np.abs(asked.values[asked.group] - scores).max() <= np.abs(asked.values - scores[:, None]).min(1).max()


def test_vectors_are_in_the_order_of_their_people():
    vectors = [[1, 0], [0, 1], [1, 0], [0, 1]]
    asked = asked_for(labelled("vector", vectors, counts=np.array([9.0, 1, 7, 3])), 7)
    assert asked.labels.tolist() == [[0, 1], [1, 0]]
    assert asked.group.tolist() == [1, 0, 1, 0]
    assert asked.names == ("(0, 1)", "(1, 0)")


@pytest.mark.parametrize(
    ("real", "says"),
    [
        (labelled("none", np.zeros((3, 0))), "no labels"),
        (labelled("class", [0, 0], ["one"]), "one class"),
        (labelled("score", [2.0] * 5), "nearly all scores"),
        (labelled("vector", [[1, 0], [0, 1]]), "nobody knows"),
        (labelled("vector", np.eye(40)), "40 different vectors"),
    ],
)
def test_what_cannot_be_asked_for_is_said(real, says):
    with pytest.raises(ThrongError, match=says):
        asked_for(real, 7)


def test_boundaries_lie_halfway_between_classes_that_share_no_count():
    counts, classes = np.array([0, 4, 6, 9, 30, 12.0]), np.array([0, 0, 1, 1, 2, 2])
    cuts = count_boundaries(counts, classes, 3)
    assert cuts.tolist() == [5, 10.5]
    assert class_of(counts, cuts).tolist() == classes.tolist()
    assert class_of(np.array([5.0, 5.1]), cuts).tolist() == [0, 1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=3, max_size=30))
def test_boundaries_never_fall_and_no_other_cuts_are_better(drawn):
    counts, classes = (np.array(column) for column in zip(*drawn, strict=True))
    sizes = np.bincount(classes, minlength=3)

    def loss(cuts):
        apart = np.abs(class_of(counts, np.array(cuts)) - classes)
        return sum(apart[classes == one].mean() for one in range(3) if sizes[one])

    cuts = count_boundaries(counts, classes, 3)
    assert cuts[0] <= cuts[1]
    every = np.arange(-0.5, 13)
    assert loss(cuts) <= min(loss((low, high)) for low in every for high in every[every >= low]) + 1e-9
