import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from throng.evaluation.resampling import image_intervals, resampled_maes, run_interval, share_interval


def test_run_interval_is_the_one_of_the_t_test():
    values = [10.0, 12.5, 11.0, 9.0]
    expected = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert run_interval(values) == pytest.approx([expected.low, expected.high])
    assert run_interval([10.0]) is None


@settings(max_examples=30)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_share_interval_is_the_exact_binomial_one(drawn):
    inside, images = drawn
    expected = binomtest(inside, images).proportion_ci(0.95, "exact")
    assert share_interval(inside / images, images) == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_image_intervals_have_the_spread_of_a_mean():
    rng = np.random.default_rng(1)
    true = np.full(400, 50.0)
    errors = rng.normal(0, 10, (2, 400))
    found = image_intervals(errors, true, resamples=4000)
    absolute = np.abs(errors).mean(0)
    reach = 1.96 * absolute.std() / np.sqrt(400)
    assert found["mae"] == pytest.approx([absolute.mean() - reach, absolute.mean() + reach], abs=0.06)
    assert found["mae"] is not None
    assert found["rmse"] is not None
    assert found["mape"] == pytest.approx([end / 50 for end in found["mae"]])
    assert found["rmse"][0] < np.sqrt((errors**2).mean(1)).mean() < found["rmse"][1]


def test_mape_is_over_images_with_somebody_in_them():
    found = image_intervals(np.array([[9.0, 2.0]]), np.array([0.0, 4.0]), resamples=100)
    assert found["mape"] == [0.5, 0.5]
    assert image_intervals(np.array([[9.0]]), np.array([0.0]), resamples=100)["mape"] is None


def test_differences_are_paired_over_images():
    rng = np.random.default_rng(2)
    hard = rng.exponential(100, 300)  # images differ far more than counters do
    draws = resampled_maes([hard[None] + 1, hard[None]], resamples=500)
    assert draws[0].std() > 3
    np.testing.assert_allclose(draws[0] - draws[1], 1.0)


def test_variance_over_runs_is_the_unbiased_one():
    runs = np.array([10.0, 14.0, 15.0])
    (draws,) = resampled_maes([np.repeat(runs[:, None], 50, 1)], resamples=20000)
    assert draws.mean() == pytest.approx(13.0, abs=0.05)
    assert draws.var() == pytest.approx(runs.var(ddof=1) / 3, rel=0.05)


def test_draws_do_not_depend_on_how_they_are_cut_into_chunks(monkeypatch):
    errors = [np.random.default_rng(3).normal(size=(2, 30))]
    whole = resampled_maes(errors, resamples=300)
    monkeypatch.setattr("throng.evaluation.resampling.CHUNK", 7)
    np.testing.assert_allclose(resampled_maes(errors, resamples=300), whole)
