"""Ridge regression: a planted law is recovered, the leave-one-out errors are those of leaving one out."""

import numpy as np
import pytest

from throng.probing import ridge
from throng.probing.ridge import fit_ridge, r_squared


def test_a_planted_law_is_recovered_with_its_offset():
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(80, 6)), rng.normal(size=6)
    fitted = fit_ridge(features, features @ weights + 12)
    fresh = rng.normal(size=(40, 6))
    np.testing.assert_allclose(fitted.predict(fresh), fresh @ weights + 12, atol=1e-3)


@pytest.mark.parametrize("width", [5, 60])
def test_the_penalty_is_that_of_the_least_error_when_each_picture_is_left_out(width: int):
    rng = np.random.default_rng(width)
    features = rng.normal(size=(30, width))
    counts = features[:, 0] * 3 + rng.normal(size=30) * 2

    def left_out(penalty: float) -> float:
        # the penalty is relative to the whole set's largest squared singular value, here and there
        top = np.linalg.svd(features - features.mean(0), compute_uv=False)[0] ** 2
        errors = []
        for one in range(30):
            rest = np.arange(30) != one
            x, y = features[rest] - features[rest].mean(0), counts[rest] - counts[rest].mean()
            solved = np.linalg.solve(x.T @ x + penalty * top * np.eye(width), x.T @ y)
            errors.append((features[one] - features[rest].mean(0)) @ solved + counts[rest].mean() - counts[one])
        return float(np.square(errors).sum())

    fitted = fit_ridge(features, counts)
    assert fitted.penalty == pytest.approx(min(ridge.PENALTIES, key=left_out))


def test_features_of_another_scale_give_the_same_counts():
    rng = np.random.default_rng(1)
    features, counts = rng.normal(size=(40, 50)), rng.poisson(9, 40).astype(float)
    fresh = rng.normal(size=(10, 50))
    usual = fit_ridge(features, counts).predict(fresh)
    np.testing.assert_allclose(fit_ridge(features * 1e-4, counts).predict(fresh * 1e-4), usual, rtol=1e-6)


def test_a_network_that_says_the_same_of_everything_predicts_the_mean():
    fitted = fit_ridge(np.full((12, 7), 0.3), np.arange(12.0))
    assert fitted.predict(np.full((3, 7), 0.3)).tolist() == [5.5] * 3


def test_r_squared_of_truth_of_the_mean_and_of_worse():
    true = np.array([1.0, 4.0, 7.0])
    assert r_squared(true, true) == 1
    assert r_squared(np.full(3, 4.0), true) == 0
    assert r_squared(true[::-1], true) == pytest.approx(-3)
    assert np.isnan(r_squared(true, np.full(3, 2.0)))
