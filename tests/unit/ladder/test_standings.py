"""The figures of a ladder: known answers, and intervals that tell a step from chance."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.evaluation.counted import Counted
from throng.ladder.standings import Standing, order, ordered_pairs, r2_interval, run_errors, standings

TRUE = np.array([0.0, 10.0, 20.0, 50.0])


def rung(name, *predicted, kind="fit", true=TRUE):
    runs = tuple(f"seed-{number}" for number in range(1, len(predicted) + 1))
    return Standing(Counted(name, runs, true, np.array(predicted, float)), kind, "", 10, 20)


def test_a_runs_errors_are_those_of_the_textbook():
    found = run_errors(np.array([2.0, 8.0, 26.0, 46.0]), TRUE)
    assert found == pytest.approx(
        {
            "mae": 3.5,
            "rmse": np.sqrt((4 + 4 + 36 + 16) / 4),
            "nae": (0.2 + 0.3 + 0.08) / 3,
            "bias": 0.5,
            "r2": 1 - 60 / (400 + 100 + 0 + 900),
            "correlation": np.corrcoef([2, 8, 26, 46], TRUE)[0, 1],
        }
    )


def test_the_mean_explains_nothing_and_the_truth_everything():
    assert run_errors(np.full(4, TRUE.mean()), TRUE)["r2"] == pytest.approx(0)
    assert run_errors(TRUE, TRUE)["r2"] == 1
    assert run_errors(np.full(4, 7.0), TRUE)["correlation"] is None
    alone = run_errors(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    assert (alone["r2"], alone["correlation"]) == (None, None)


def test_every_rung_is_held_against_the_one_below_and_the_labels_mean_stands_apart():
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 100, 60).round()
    mean = rung("prior", np.full(60, 40.0), kind="prior", true=true)
    weak = rung("weak", *(true + rng.normal(0, 18, (3, 60))), true=true)
    good = rung("good", *(true + rng.normal(0, 5, (3, 60))), true=true)
    found = standings([mean, weak, good], [30, 50], bins=[0, 50], resamples=200)
    assert found["reference"]["answer"] == 40
    assert [one["rung"] for one in found["rungs"]] == ["prior", "weak", "good"]
    assert found["rungs"][0]["against"] is None
    for below, one in zip(found["rungs"], found["rungs"][1:], strict=False):
        step, (low, high) = one["against"], one["against"]["mae_difference_95"]
        assert step["rung"] == below["rung"]
        assert step["mae_difference"] == pytest.approx(one["mae"] - below["mae"])
        assert low <= step["mae_difference"] <= high < 0
        assert step["shown"]
        assert f"{one['rung']} is better than {below['rung']} by" in step["verdict"]
    assert found["order"] == {"by_mae": ["prior", "weak", "good"], "spearman": 1.0}
    assert found["final"]["rung"] == "good"
    assert found["final"]["r2"] == pytest.approx(np.mean([one["r2"] for one in found["rungs"][-1]["per_run"]]))
    assert sum(one["images"] for one in found["rungs"][0]["bins"]) == 60


def test_a_step_that_changes_nothing_is_not_shown_and_one_training_is_said():
    same = rung("a", TRUE + 3.0)
    found = standings([same, rung("b", TRUE - 3.0)], [], bins=[0], resamples=100)
    assert found["reference"] is None
    assert not found["rungs"][1]["against"]["shown"]
    assert found["rungs"][1]["against"]["verdict"].endswith("one training of b and of a")


def test_a_variant_is_held_against_its_step_and_is_none_itself():
    low, step, top = rung("low", TRUE + 9), rung("step", TRUE + 3), rung("top", TRUE + 1)
    variant = dataclasses.replace(rung("variant", TRUE), against="low")
    found = standings([low, step, variant, top], [], bins=[0], resamples=100)
    assert [one["against"] and one["against"]["rung"] for one in found["rungs"]] == [None, "low", "low", "step"]
    assert [one["variant"] for one in found["rungs"]] == [False, False, True, False]
    assert found["order"] == {"by_mae": ["low", "step", "top"], "spearman": 1.0}
    assert standings([low, variant], [], bins=[0], resamples=100)["final"]["rung"] == "low"


def test_a_ladder_upside_down_correlates_negatively():
    records = [{"rung": name, "mae": mae} for name, mae in (("a", 1.0), ("b", 2.0), ("c", 3.0))]
    assert order(records) == {"by_mae": ["c", "b", "a"], "spearman": -1.0}
    assert order(records[:1])["spearman"] is None


@given(st.integers(0, 99), st.floats(0, 30))
def test_r2_lies_in_its_interval_or_near(seed, noise):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 50, 40)
    errors = rng.normal(0, noise, (2, 40))
    interval = r2_interval(errors, true, 200)
    assert interval is not None
    low, high = interval
    whole = np.mean([1 - (one**2).sum() / ((true - true.mean()) ** 2).sum() for one in errors])
    assert low - 1e-6 <= high <= 1
    assert low - 0.3 * (1 - low) <= whole <= high + 0.3 * (1 - high) + 1e-6


def test_equal_counts_leave_r2_without_an_interval():
    assert r2_interval(np.ones((1, 5)), np.full(5, 3.0), 100) is None


def test_pairs_are_put_in_order_by_the_ratio_of_their_counts():
    true, predicted = np.array([0, 10, 11, 40, 40]), np.array([[0.0, 2.0, 1.0, 9.0, 9.5], [0.0, 1.0, 2.0, 2.0, 5.0]])
    by_ratio = {one["ratio_above"]: (one["pairs"], one["share"]) for one in ordered_pairs(predicted, true)}
    assert by_ratio == {
        1.0: (1, 0.5),  # 11 against 10: wrong in the first run, right in the second; 40 and 40 are no pair
        1.25: (0, None),
        1.5: (0, None),
        2.0: (4, pytest.approx(1 - 0.5 / 8)),  # one tie among the eight of both runs
        4.0: (4, 1.0),  # nobody is infinitely less than somebody
    }
