import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from throng.errors import ThrongError
from throng.evaluation.metrics import count_metrics
from throng.evaluation.uncertainty import count_calibration, interval_scores


def test_truths_drawn_from_the_stated_distribution_are_calibrated():
    rng = np.random.default_rng(0)
    predicted, stds = rng.uniform(50, 500, 20000), rng.uniform(2, 40, 20000)
    metrics = count_calibration(predicted, stds, rng.normal(predicted, stds))
    assert metrics["coverage"] == {
        level: pytest.approx(float(level), abs=0.01) for level in ("0.5", "0.8", "0.9", "0.95")
    }
    assert metrics["calibration_error"] < 0.005
    assert metrics["z_rms"] == pytest.approx(1, abs=0.02)
    assert metrics["sharpness"] == pytest.approx(stds.mean())
    overconfident = count_calibration(predicted, stds / 3, rng.normal(predicted, stds))
    assert overconfident["z_rms"] == pytest.approx(3, abs=0.06) and overconfident["coverage"]["0.9"] < 0.5
    assert overconfident["nll"] > metrics["nll"] and overconfident["crps"] > metrics["crps"]


@settings(max_examples=20, deadline=None)
@given(st.floats(-30, 30), st.floats(0.5, 20), st.floats(-30, 30))
def test_scores_are_their_definitions(predicted, std, true):
    metrics = count_calibration([predicted], [std], [true])
    gaussian = norm(predicted, std)
    left, _ = quad(lambda x: gaussian.cdf(x) ** 2, min(predicted, true) - 10 * std, true)
    right, _ = quad(lambda x: gaussian.sf(x) ** 2, true, max(predicted, true) + 10 * std)
    assert metrics["crps"] == pytest.approx(left + right, abs=1e-5)
    assert metrics["nll"] == pytest.approx(-gaussian.logpdf(true))


def test_known_scores():
    assert count_calibration([0.0], [1.0], [0.0])["crps"] == pytest.approx((math.sqrt(2) - 1) / math.sqrt(math.pi))
    sure = count_calibration([10.0, 20.0], [1e-9, 1e-9], [12.0, 15.0])
    assert sure["crps"] == pytest.approx(count_metrics([10.0, 20.0], [12, 15])["mae"], abs=1e-6)
    assert count_calibration([5.0], [2.0], [5.0 + 2 * 1.96])["coverage"] == {
        "0.5": 0.0,
        "0.8": 0.0,
        "0.9": 0.0,
        "0.95": 0.0,
    }
    assert count_calibration([5.0], [2.0], [5.0 + 2 * 1.95])["coverage"]["0.95"] == 1.0


def test_intervals_pay_for_width_and_for_misses():
    scores = interval_scores([0.0, 10.0], [4.0, 20.0], [4.0, 23.0], 0.9)
    assert scores == {"level": 0.9, "coverage": 0.5, "width": 7.0, "score": pytest.approx(7 + 20 * 3 / 2), "images": 2}


def test_bad_uncertainties_are_refused():
    with pytest.raises(ThrongError, match="image 1 has a standard deviation of 0"):
        count_calibration([1.0, 2.0], [1.0, 0.0], [1, 2])
    with pytest.raises(ThrongError, match="shapes"):
        count_calibration([1.0], [1.0, 2.0], [1])
    with pytest.raises(ThrongError, match="shapes"):
        count_calibration([], [], [])
    with pytest.raises(ThrongError, match="image 0 has a number in stds that is not finite"):
        count_calibration([1.0], [math.nan], [1])
    with pytest.raises(ThrongError, match="between 0 and 1"):
        count_calibration([1.0], [1.0], [1], levels=[1.5])
    with pytest.raises(ThrongError, match="ends before it starts"):
        interval_scores([2.0], [1.0], [1.0], 0.9)
