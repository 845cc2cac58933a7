"""The figures of an evaluation: known answers, agreement of its parts, and what is never claimed."""

import json

import numpy as np
import pytest

from throng.errors import ThrongError
from throng.evaluation.counted import BEST_ON_TEST, Counted, counted
from throng.evaluation.map_metrics import dm_distance, ssim
from throng.evaluation.map_scores import MAP_COLUMNS, MapTruth
from throng.evaluation.plots import bin_plot, calibration_plot, comparison_plot, scatter_plot, training_plot
from throng.evaluation.summary import BASELINE, summarise, verdict
from throng.tables.predictions import PredictionRow

TRUE = np.array([0.0, 5.0, 10.0, 40.0, 90.0, 200.0])


def counter(name, *offsets, marks=(), reach=None):
    predicted = np.stack([TRUE + np.asarray(offset, float) for offset in offsets])
    maps = {column: np.ones(predicted.shape) for column in MAP_COLUMNS}
    runs = tuple(f"seed-{number + 1}" for number in range(len(predicted)))
    if reach is None:
        return Counted(name, runs, TRUE, predicted, maps=maps, marks=marks)
    return Counted(name, runs, TRUE, predicted, predicted - reach, predicted + reach, 0.9, maps, marks)


def figures(*counters, resamples=400):
    facts = {one.name: {"published": False} for one in counters}
    runs = {(one.name, run): {} for one in counters for run in one.runs}
    return summarise(counters, facts, runs, [30, 50], bins=[0, 10, 100], resamples=resamples)


def test_means_over_runs_stand_beside_each_run():
    (record,) = figures(counter("a", 2, -6))["counters"]
    assert (record["mae"], record["rmse"], record["bias"]) == (4.0, 4.0, -2.0)
    assert [one["mae"] for one in record["per_run"]] == [2.0, 6.0]
    assert record["mape"] == pytest.approx(4 * np.mean(1 / TRUE[1:]))
    assert (record["mape_excluded"], record["runs"], record["images"]) == (1, 2, 6)
    # t quantile of one degree of freedom times half the range
    assert record["mae_runs_95"] == pytest.approx([4 - 12.706 * 2, 4 + 12.706 * 2], rel=1e-4)
    assert record["mae_images_95"] == pytest.approx([4.0, 4.0])
    assert record["mae_95"][0] < 4.0 < record["mae_95"][1]
    assert [(one["low"], one["images"], one["mae"]) for one in record["bins"]] == [
        (0, 2, 4.0),
        (10, 3, 4.0),
        (100, 1, 4.0),
    ]


def test_one_training_has_no_spread_of_trainings_and_no_ensemble():
    (record,) = figures(counter("a", 2))["counters"]
    assert record["mae_runs_95"] is None
    assert record["ensemble"] is None
    assert record["calibration"] is None


def test_the_ensemble_is_the_mean_count():
    (record,) = figures(counter("a", 2, -6, reach=5.5))["counters"]
    assert record["ensemble"]["mae"] == pytest.approx(2.0)
    assert record["ensemble"]["interval"]["coverage"] == 1.0
    assert record["ensemble"]["spread"]["z_rms"] == pytest.approx(2 / (8 / np.sqrt(2)))
    assert record["calibration"]["coverage"] == 0.5
    assert record["calibration"]["coverage_by_run"] == [1.0, 0.0]
    assert record["calibration"]["width"] == 11.0
    agreed = figures(counter("a", 2, 2))["counters"][0]["ensemble"]
    assert (agreed["spread"], agreed["spread_excluded"]) == (None, 6)


def test_undefined_map_scores_are_left_out_and_counted():
    mine = counter("a", 2, 3)
    mine.maps["psnr"][0, 1] = np.nan
    mine.maps["ssim"][:] = np.nan
    (record,) = figures(mine)["counters"]
    assert (record["psnr"], record["psnr_excluded"]) == (1.0, 1)
    assert (record["ssim"], record["ssim_excluded"]) == (None, 6)


def test_every_two_are_compared_and_the_better_one_is_named():
    rng = np.random.default_rng(0)
    good, bad = counter("good", rng.normal(0, 1, 6)), counter("bad", 9 + rng.normal(0, 1, 6), marks=(BEST_ON_TEST,))
    twin = counter("twin", -good.errors[0])
    found = {(one["first"], one["second"]): one for one in figures(good, bad, twin)["comparisons"]}
    assert len(found) == 6
    one = found["good", "bad"]
    assert one["shown"]
    assert one["mae_difference"] == pytest.approx(np.abs(good.errors).mean() - np.abs(bad.errors).mean())
    assert one["mae_difference_95"][0] <= one["mae_difference"] <= one["mae_difference_95"][1] < 0
    assert one["verdict"].startswith("good is better than bad (best on test) by ")
    assert one["verdict"].endswith("; one training of good and of bad")
    assert not found["good", "twin"]["shown"]
    assert found["good", "twin"]["verdict"].startswith("no difference shown between good and twin: 0.00 [0.00, 0.00]")
    assert (BASELINE, "good") in found


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ([0.4, 2.0], "b is better than a by 1.20 [0.40, 2.00] MAE"),
        ([-2.0, -0.4], "a is better than b by 1.20 [0.40, 2.00] MAE"),
        ([-0.4, 2.0], "no difference shown between a and b: 1.20 [-0.40, 2.00] MAE"),
        ([0.0, 2.0], "no difference shown between a and b: 1.20 [0.00, 2.00] MAE"),
    ],
)
def test_verdicts(interval, said):
    assert verdict("a", "b", 1.2 if interval[1] > 0 else -1.2, interval, []) == said


def test_a_difference_that_only_one_lucky_training_makes_is_not_shown():
    rng = np.random.default_rng(4)
    lucky = counter("lucky", rng.normal(0, 1, 6), 9 + rng.normal(0, 1, 6))
    (one,) = [c for c in figures(lucky, counter("other", 8, 8.5))["comparisons"] if c["first"] == "lucky"]
    assert one["mae_difference"] < -2
    assert not one["shown"]


def test_figures_are_json_and_the_same_every_time():
    mine = [counter("a", 2, -6, reach=5), counter("b", 3)]
    assert json.dumps(figures(*mine), allow_nan=False) == json.dumps(figures(*mine), allow_nan=False)


def test_runs_of_other_images_are_refused():
    def row(run, image):
        return PredictionRow("a", run, image, "s", "test", 1, 1.0, None, None, 0.0, 0.0, 0.0, 0.0, None, None)

    both = counted("a", [[row("x", "1"), row("x", "0")], [row("y", "0"), row("y", "1")]])
    assert both.predicted.shape == (2, 2)
    assert both.low is None
    with pytest.raises(ThrongError, match="runs x and y of counter 'a' count different images"):
        counted("a", [[row("x", "1")], [row("y", "0")]])


def test_map_scores_of_a_perfect_and_of_a_misplaced_map():
    points = np.array([[17.5, 11.5], [65.5, 43.5]])
    truth = MapTruth(points, (64, 96), stride=4, sigma=1.0)
    perfect = truth.scores(truth.density)
    assert (perfect["dm_distance"], perfect["psnr"], perfect["ssim"]) == (0.0, None, 1.0)
    assert perfect["game1"] == pytest.approx(0, abs=1e-5)
    moved = truth.density[::-1, ::-1]
    scores = truth.scores(moved)
    assert scores["game1"] == pytest.approx(0, abs=0.01)  # both lie in opposite quarters
    assert scores["game3"] == pytest.approx(4, abs=0.05)
    assert scores["dm_distance"] == dm_distance(moved, truth.density)
    assert scores["ssim"] == ssim(moved, truth.density)
    assert MapTruth(points, (40, 96), stride=4, sigma=1.0).scores(np.zeros((10, 24)))["ssim"] is None


def test_plots_are_png_with_the_same_bytes_every_time():
    counters = [counter("a", 2, -6, reach=5, marks=(BEST_ON_TEST,)), counter("b", 3)]
    record = figures(*counters)
    history = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 2, "val_mae": 3.0}]
    drawn = [
        scatter_plot(counters),
        bin_plot([(one["label"], one["bins"]) for one in record["counters"]]),
        comparison_plot(record["counters"], record["baseline"]),
        calibration_plot(counters[1:], record["counters"][1:]),
        training_plot([("a", history), ("a", history), ("b", [])]),
    ]
    assert all(one.startswith(b"\x89PNG") for one in drawn)
    first = calibration_plot(counters, record["counters"])
    assert calibration_plot(counters, record["counters"]) == first
