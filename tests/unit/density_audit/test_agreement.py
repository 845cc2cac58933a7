"""Kappa and rank correlation: hand-computed answers, independent formulas, ties, and what is undefined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from throng.density_audit.agreement import Opinion, correlation, kappa, pairs, partial_correlation
from throng.density_audit.correlation import midranks, resampled, spearman
from throng.density_audit.resampling import Draws

COARSE = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=40)


def draws(scenes, number=200, seed=0) -> Draws:
    return Draws.of([str(scene) for scene in scenes], number, 0.95, np.random.default_rng(seed))


def opinion(name, classes, sizes=3, scores=None) -> Opinion:
    classes = np.array(classes)
    return Opinion(name, np.asarray(classes if scores is None else scores, float), classes, sizes)


def test_kappa_of_a_textbook_table():
    table = np.array([[20, 5], [10, 15]])  # observed 0.7, expected 0.5
    assert kappa(table, quadratic=False) == pytest.approx(0.4)
    assert kappa(table, quadratic=True) == pytest.approx(0.4), "two classes have one distance only"
    graded = np.array([[2, 1, 0], [0, 2, 1], [0, 0, 2]])
    # observed squares 2/8, expected (2*2 + 3*4 + 3*2 + 3*3 + 2*2*4 + 2*3) / 64, rows 3 3 2, columns 2 3 3
    expected = (3 * 3 * 1 + 3 * 3 * 4 + 3 * 2 * 1 + 3 * 3 * 1 + 2 * 2 * 4 + 2 * 3 * 1) / 64
    assert kappa(graded, quadratic=True) == pytest.approx(1 - (2 / 8) / expected)
    assert kappa(graded, quadratic=False) == pytest.approx((6 / 8 - 21 / 64) / (1 - 21 / 64))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60))
def test_kappa_is_agreement_beyond_chance(said):
    first, second = np.array(said).T
    table = np.zeros((3, 3))
    np.add.at(table, (first, second), 1)
    observed = (first == second).mean()
    chance = sum((first == k).mean() * (second == k).mean() for k in range(3))
    if chance == 1:
        assert np.isnan(kappa(table, quadratic=False))
    else:
        assert kappa(table, quadratic=False) == pytest.approx((observed - chance) / (1 - chance))
        apart = np.subtract.outer(first, second).astype(float) ** 2  # everybody against everybody is chance
        assert kappa(table, quadratic=True) == pytest.approx(1 - ((first - second) ** 2).mean() / apart.mean())


@given(COARSE)
def test_spearman_is_scipys_with_ties(values):
    first, second = np.array(values, float).T
    ours = spearman(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(spearmanr(first, second).statistic)


@given(COARSE, st.integers(0, 99))
def test_a_draw_is_the_sample_with_its_scenes_repeated(values, seed):
    first, second = np.array(values, float).T
    made = draws(np.arange(len(first)) // 2, 7, seed)
    (times,) = made.blocks()
    drawn = resampled(first, second, made)
    for index, row in enumerate(times):
        chosen = np.repeat(np.arange(len(first)), row)
        ranks = midranks(first, times)[index]
        assert ranks[chosen] == pytest.approx(rankdata(first[chosen])), "ranks of what the draw holds"
        expected = spearman(first[chosen], second[chosen])
        assert drawn[index] == pytest.approx(expected, nan_ok=True, abs=1e-9)


def test_scenes_are_drawn_whole_and_as_many_as_there_are():
    made = draws("aaabbc", 50)
    (times,) = made.blocks()
    assert (made.times.sum(1) == 3).all() and made.times.shape == (50, 3) and made.scenes == 3
    assert (times[:, 0] == times[:, 1]).all() and (times[:, 3] == times[:, 4]).all()
    assert draws("aaaa").interval(np.zeros(200)) == (None, None), "one scene says nothing of others"


def test_the_interval_covers_a_known_correlation():
    random = np.random.default_rng(3)
    covered = 0
    for trial in range(100):
        first = random.standard_normal(60)
        second = 0.6 * first + 0.8 * random.standard_normal(60)
        record, _ = correlation(first, second, draws(range(60), 200, trial))
        covered += record["low"] <= 6 / np.pi * np.arcsin(0.3) <= record["high"]
    assert 87 <= covered <= 100


def test_labellers_are_compared_on_what_both_say():
    one = opinion("one", [0, 1, 2, -1, 2, 0], scores=[1, 2, 3, np.nan, 3, 1])
    two = opinion("two", [0, 1, 2, 1, -1, 1], scores=[1, 2, 3, 4, np.nan, 2])
    (record,) = pairs([one, two], draws(range(6)))
    assert (record["first"], record["second"], record["images"]) == ("one", "two", 4)
    assert record["kappa"]["value"] == pytest.approx((3 / 4 - 5 / 16) / (11 / 16))
    assert record["kappa"]["low"] <= record["kappa"]["value"] <= record["kappa"]["high"]
    assert record["spearman"]["images"] == 4
    assert record["spearman"]["value"] == pytest.approx(spearmanr([1, 2, 3, 1], [1, 2, 3, 2]).statistic)


def test_kappa_is_undefined_only_where_both_say_the_same_throughout():
    low, varied, high = opinion("low", [0] * 6), opinion("varied", [0, 1, 2] * 2), opinion("high", [2] * 6)
    same, chance, never = pairs([low, opinion("low too", [0] * 6)], draws(range(6)))[0], None, None
    assert same["kappa"] is None and same["reason"].startswith("constant: both say one and the same class")
    assert same["spearman"]["value"] is None and same["spearman"]["reason"].startswith("constant")
    chance, never = pairs([low, varied], draws(range(6)))[0], pairs([low, high], draws(range(6)))[0]
    assert chance["kappa"]["value"] == 0, "one who always says the same agrees as often as chance"
    assert never["kappa"]["value"] == 0 and never["weighted_kappa"]["value"] == 0


def test_different_numbers_of_classes_are_compared_by_rank_alone():
    three, six = opinion("three", [0, 1, 2, 2]), opinion("six", [0, 2, 4, 5], 6)
    (record,) = pairs([three, six], draws(range(4)))
    assert record["kappa"] is None and record["reason"] == "different numbers of classes: 3 and 6"
    assert record["spearman"]["value"] == pytest.approx(spearmanr([0, 1, 2, 2], [0, 2, 4, 5]).statistic)


def test_without_common_images_nothing_is_claimed():
    one, two = opinion("one", [0, -1], scores=[1, np.nan]), opinion("two", [-1, 1], scores=[np.nan, 1])
    (record,) = pairs([one, two], draws("ab"))
    assert record["reason"] == "no image has a class by both" and record["images"] == 0
    assert record["spearman"]["reason"] == "too few images: 0 of 3"


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=6, max_size=30))
def test_partial_ranks_are_what_is_left_of_ranks_after_a_regression(values):
    first, second, third = np.array(values, float).T
    record, _ = partial_correlation(first, second, third, draws(range(len(first)), 20))
    if any(len(set(column)) == 1 for column in (first, second, third)):
        assert record["value"] is None and record["reason"].startswith("constant")
        return
    ranks = [rankdata(column) for column in (first, second, third)]
    design = np.stack([ranks[2], np.ones(len(first))], 1)
    left = [rank - design @ np.linalg.lstsq(design, rank, rcond=None)[0] for rank in ranks[:2]]
    if min(np.abs(one).max() for one in left) < 1e-4:
        assert record["value"] is None and record["reason"].startswith("the same")
    else:
        assert record["value"] == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-6)


def test_partial_ranks_are_of_what_all_three_know():
    first, second = np.array([1, 2, 3, 4, np.nan, 6]), np.array([2, 1, 4, 3, 5, np.nan])
    record, drawn = partial_correlation(first, second, np.array([1, 3, 2, 5, 1, 1.0]), draws(range(6)))
    assert record["images"] == 4 and record["low"] <= record["value"] <= record["high"] and len(drawn) == 200
    record, _ = partial_correlation(first, second, np.array([1, np.nan, np.nan, 5, 1, 1]), draws(range(6)))
    assert record["images"] == 2 and record["value"] is None and record["reason"] == "too few images: 2 of 3"
