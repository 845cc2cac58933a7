import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.evaluation.metrics import bin_errors, count_metrics, mae_interval, mean_predictor

COUNTS = st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 5000)), min_size=1, max_size=40)


def test_known_errors():
    metrics = count_metrics([12.0, 0.0, 30.0], [10, 0, 40])
    assert metrics["mae"] == pytest.approx(4.0)
    assert metrics["rmse"] == pytest.approx(np.sqrt(104 / 3))
    assert metrics["mape"] == pytest.approx((0.2 + 0.25) / 2)
    assert (metrics["mape_excluded"], metrics["images"]) == (1, 3)
    assert count_metrics([1.0], [0])["mape"] is None


@given(COUNTS)
def test_rmse_is_at_least_mae_and_the_bins_add_up(pairs):
    predicted, true = zip(*pairs, strict=True)
    metrics, bins = count_metrics(predicted, true), bin_errors(predicted, true)
    assert metrics["rmse"] >= metrics["mae"] * (1 - 1e-12) - 1e-9
    assert sum(b.images for b in bins) == len(true)
    assert sum(b.images * b.mae for b in bins) / len(true) == pytest.approx(metrics["mae"], abs=1e-9)
    assert sum(b.images * b.bias for b in bins) / len(true) == pytest.approx(
        np.mean(np.subtract(predicted, true)), abs=1e-9
    )


def test_bins_split_at_their_lower_edge():
    bins = bin_errors([0, 0, 0], [24, 25, 2000])
    assert [(b.low, b.high, b.images) for b in bins] == [(0, 25, 1), (25, 50, 1), (1000, None, 1)]


def test_interval_holds_the_mae_and_shrinks_with_more_images():
    rng = np.random.default_rng(0)
    errors = rng.exponential(10, 400)
    few, many = mae_interval(errors[:25], np.zeros(25)), mae_interval(errors, np.zeros(400))
    assert many[0] < errors.mean() < many[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert mae_interval(errors, np.zeros(400)) == many


def test_mean_predictor_answers_the_training_mean():
    assert mean_predictor([10, 20], [15, 25]) == {
        "answer": 15.0,
        "mae": 5.0,
        "rmse": pytest.approx(np.sqrt(50)),
        "mape": pytest.approx(0.2),
        "mape_excluded": 0,
        "images": 2,
    }


def test_bad_counts_are_refused():
    with pytest.raises(ThrongError, match="shapes"):
        count_metrics([1.0, 2.0], [1])
    with pytest.raises(ThrongError, match="image 1 has a count that is not finite"):
        count_metrics([1.0, float("nan")], [1, 2])
    with pytest.raises(ThrongError, match="shapes"):
        count_metrics([], [])
    with pytest.raises(ThrongError, match="ascend"):
        bin_errors([1.0], [1], lows=[5, 0])
    with pytest.raises(ThrongError, match="below the first"):
        bin_errors([1.0], [1], lows=[5])
