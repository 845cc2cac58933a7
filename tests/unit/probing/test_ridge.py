"""Ridge regression: a planted law is recovered, its penalty is that of leaving scenes out."""

import numpy as np
import pytest

from throng.probing import ridge
from throng.probing.ridge import fit_ridge, r_squared


def names(number: int) -> list[str]:
    """A scene of its own for every picture."""
    return [str(one) for one in range(number)]


def test_a_planted_law_is_recovered_with_its_offset():
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(80, 6)), rng.normal(size=6)
    fitted = fit_ridge(features, features @ weights + 12, names(80))
    fresh = rng.normal(size=(40, 6))
    np.testing.assert_allclose(fitted.predict(fresh), fresh @ weights + 12, atol=1e-3)


@pytest.mark.parametrize("width", [5, 60])
@pytest.mark.parametrize("scenes", [30, 6])
def test_the_penalty_is_that_of_the_least_error_when_each_scene_is_left_out(width: int, scenes: int):
    rng = np.random.default_rng(width)
    features = rng.normal(size=(30, width))
    counts = features[:, 0] * 3 + rng.normal(size=30) * 2
    # the penalty is relative to the whole set's largest squared singular value, here and there
    top = np.linalg.svd(features - features.mean(0), compute_uv=False)[0] ** 2

    def left_out(penalty: float) -> float:
        errors = []
        for scene in range(scenes):
            rest = np.arange(30) % scenes != scene
            x, y = features[rest] - features[rest].mean(0), counts[rest] - counts[rest].mean()
            solved = np.linalg.solve(x.T @ x + penalty * top * np.eye(width), x.T @ y)
            predicted = (features[~rest] - features[rest].mean(0)) @ solved + counts[rest].mean()
            errors.append(np.square(predicted - counts[~rest]).sum())
        return float(np.sum(errors))

    fitted = fit_ridge(features, counts, [str(n % scenes) for n in range(30)])
    assert fitted.penalty == pytest.approx(min(ridge.PENALTIES, key=left_out))


def test_what_knows_scenes_by_heart_is_not_believed():
    """Features that name the scene and counts that go by scene: left out picture by picture, this looks perfect."""
    rng = np.random.default_rng(0)
    scene = np.arange(60) % 12
    features = rng.normal(size=(12, 40))[scene] + rng.normal(size=(60, 40)) * 0.05
    counts = rng.poisson(20, 12)[scene].astype(float)
    by_scene, by_picture = fit_ridge(features, counts, scene.astype(str)), fit_ridge(features, counts, names(60))
    assert by_scene.penalty > 5 * by_picture.penalty


def test_a_single_scene_predicts_the_mean():
    fitted = fit_ridge(np.arange(5.0)[:, None], np.arange(5.0), ["square"] * 5)
    assert fitted.predict(np.array([[9.0]])).tolist() == [2.0]


def test_features_of_another_scale_give_the_same_counts():
    rng = np.random.default_rng(1)
    features, counts = rng.normal(size=(40, 50)), rng.poisson(9, 40).astype(float)
    fresh = rng.normal(size=(10, 50))
    usual = fit_ridge(features, counts, names(40)).predict(fresh)
    np.testing.assert_allclose(fit_ridge(features * 1e-4, counts, names(40)).predict(fresh * 1e-4), usual, rtol=1e-6)


def test_a_network_that_says_the_same_of_everything_predicts_the_mean():
    fitted = fit_ridge(np.full((12, 7), 0.3), np.arange(12.0), names(12))
    assert fitted.predict(np.full((3, 7), 0.3)).tolist() == [5.5] * 3


def test_r_squared_of_truth_of_the_mean_and_of_worse():
    true = np.array([1.0, 4.0, 7.0])
    assert r_squared(true, true) == 1
    assert r_squared(np.full(3, 4.0), true) == 0
    assert r_squared(true[::-1], true) == pytest.approx(-3)
    assert np.isnan(r_squared(true, np.full(3, 2.0)))
