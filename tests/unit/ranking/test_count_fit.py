"""From features to people: planted weights, independent solvers, and sentences for bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear, minimize
from scipy.stats import gamma

import throng.ranking
from throng.errors import ThrongError
from throng.ranking.fit import (
    Isotonic,
    count_noise_weights,
    fit_counts,
    fit_isotonic,
    fit_poisson,
    fit_robust,
    gamma_interval,
)


def planted(n, channels, active, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.exponential(1.0, (n, channels))
    w = np.zeros(channels)
    w[rng.permutation(channels)[:active]] = rng.uniform(1, 20, active)
    return features, w, rng


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_planted_sparse_weights_are_found(scale):
    features, w, _ = planted(120, 40, 6)
    found = throng.ranking.fit_counts(features * scale, features @ w)
    np.testing.assert_allclose(found * scale, w, atol=1e-6)


@given(st.integers(0, 10_000), st.integers(3, 40), st.integers(1, 30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_it_is_as_good_as_an_independent_solver_and_never_negative(seed, n, channels, weighted):
    rng = np.random.default_rng(seed)
    features, counts = rng.exponential(1.0, (n, channels)), rng.exponential(30.0, n)
    weights = rng.uniform(0, 2, n) if weighted else np.ones(n)
    found = fit_counts(features, counts, weights if weighted else None)
    root = np.sqrt(weights)
    other = lsq_linear(root[:, None] * features, root * counts, bounds=(0, np.inf), tol=1e-12)

    def cost(w):
        return ((root * (features @ w - counts)) ** 2).sum()

    assert (found >= 0).all()
    assert cost(found) <= cost(other.x) * (1 + 1e-6) + 1e-9
    assert (features @ found >= 0).all()
    assert np.zeros(channels) @ found == 0


def test_fewer_images_than_features_leave_few_weights():
    features, _, rng = planted(60, 400, 1)
    assert np.count_nonzero(fit_counts(features, rng.poisson(20, 60))) <= 60


def test_ridge_is_least_squares_with_further_rows():
    features, w, rng = planted(30, 50, 5)
    counts = features @ w + rng.normal(0, 1, 30).clip(0)
    more = np.vstack([features, np.diag(np.sqrt(0.1 * (features**2).sum(0)))])
    expected = lsq_linear(more, np.concatenate([counts, np.zeros(50)]), bounds=(0, np.inf), tol=1e-14).x
    np.testing.assert_allclose(fit_counts(features, counts, ridge=0.1), expected, atol=1e-5)


def test_a_weight_is_a_number_of_copies():
    features, w, rng = planted(20, 5, 3)
    counts = rng.poisson(features @ w)
    copies = rng.integers(1, 4, 20)
    np.testing.assert_allclose(
        fit_counts(features, counts, copies), fit_counts(features.repeat(copies, 0), counts.repeat(copies)), atol=1e-8
    )


def test_unsure_counts_weigh_by_their_variance():
    np.testing.assert_allclose(count_noise_weights(np.array([0.0, 1.0, 3.0])), [1, 0.5, 0.1])
    with pytest.raises(ThrongError, match="standard deviations"):
        count_noise_weights(np.array([np.nan]))


def test_outliers_pull_the_robust_fit_less():
    features, w, rng = planted(200, 8, 4)
    counts = features @ w + rng.normal(0, 0.5, 200).clip(-2, 2)
    counts[::10] += 500
    counts = counts.clip(0)
    plain, robust = fit_counts(features, counts), fit_robust(features, counts)
    assert np.abs(robust - w).max() < 1.0
    assert np.abs(plain - w).max() > 5 * np.abs(robust - w).max()


def test_robust_is_least_squares_without_errors():
    features, w, _ = planted(50, 10, 3)
    np.testing.assert_allclose(fit_robust(features, features @ w), w, atol=1e-6)


def test_the_robust_fit_minimises_hubers_loss_at_its_scale():
    features, w, rng = planted(80, 3, 3)
    counts = (features @ w + rng.standard_t(1.5, 80)).clip(0)
    found = fit_robust(features, counts)
    scale = np.median(np.abs(features @ found - counts)) / 0.6744897501960817

    def huber(v):
        e = np.abs(features @ v - counts) / (1.345 * scale)
        return np.where(e <= 1, e**2 / 2, e - 0.5).sum()

    other = minimize(huber, found + 0.1, bounds=[(0, None)] * 3, method="L-BFGS-B", options={"ftol": 1e-14})
    assert huber(found) <= other.fun * (1 + 1e-6)


def test_poisson_has_the_highest_likelihood_that_another_solver_finds():
    features, w, rng = planted(150, 6, 3)
    counts = rng.poisson(features @ w).astype(float)
    found = fit_poisson(features, counts).w

    def loss(v):
        mean = np.maximum(features @ v, 1e-9)
        return (mean - counts * np.log(mean)).sum()

    other = minimize(loss, np.full(6, 1.0), bounds=[(0, None)] * 6, method="L-BFGS-B", options={"ftol": 1e-15})
    assert loss(found) <= other.fun + 1e-6 * abs(other.fun)
    np.testing.assert_allclose(found, other.x, atol=2e-2)


def test_poisson_intervals_hold_as_often_as_they_say():
    features, w, rng = planted(400, 6, 3)
    head = fit_poisson(features[:200], rng.poisson(features[:200] @ w))
    assert 0.7 < head.dispersion < 1.4
    drawn = rng.poisson(features[200:] @ w)
    inside = [
        low <= y <= high for x, y in zip(features[200:], drawn, strict=True) for low, high in [head.interval(x, 0.9)]
    ]
    assert 0.82 < np.mean(inside) < 0.98


def test_poisson_is_nowhere_surer_with_fewer_images():
    features, w, rng = planted(400, 6, 3)
    counts = rng.poisson(features @ w)
    few, many = fit_poisson(features[:25], counts[:25]), fit_poisson(features, counts)
    x = features.mean(0)
    own = [head.variance(x) - head.dispersion * (x @ head.w) for head in (few, many)]
    assert own[0] > 4 * own[1] > 0
    assert many.variance(np.zeros(6)) == 0


def test_overdispersed_counts_have_a_dispersion_above_one():
    features, w, rng = planted(300, 5, 3)
    means = features @ w
    counts = rng.poisson(means * rng.gamma(4, 0.25, 300))
    assert fit_poisson(features, counts).dispersion > 3


def test_gamma_interval():
    low, high = gamma_interval(20.0, 40.0, 0.9)
    np.testing.assert_allclose(gamma.cdf([low, high], 10, scale=2), [0.05, 0.95])
    assert gamma_interval(0.0, 0.0, 0.9) == (0.0, 0.0)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100), st.floats(0.1, 3)), min_size=2, max_size=25))
@settings(max_examples=60, deadline=None)
def test_isotonic_never_falls_and_is_nobody_at_nothing(rows):
    scores, counts, weights = map(np.array, zip(*rows, strict=True))
    if not (scores.any() and counts.any()):
        return
    found = fit_isotonic(scores, counts, weights)
    line = found(np.linspace(0, 20, 200))
    assert (np.diff(line) >= -1e-9).all()
    assert found(0.0) == 0
    assert line.max() <= counts.max() + 1e-9


def test_isotonic_pools_what_falls():
    found = fit_isotonic(np.array([1.0, 2, 3, 4]), np.array([2.0, 6, 4, 10]))
    np.testing.assert_allclose(found.scores, [0, 1, 2.5, 4])
    np.testing.assert_allclose(found.people, [0, 2, 5, 10])
    assert found(1.75) == 3.5
    assert isinstance(found, Isotonic)


def test_isotonic_pools_by_weight_and_equal_scores_are_one():
    found = fit_isotonic(np.array([1.0, 1, 2]), np.array([2.0, 8, 1]), np.array([1.0, 3, 4]))
    np.testing.assert_allclose(found.people[1:], [(2 + 24 + 4) / 8])
    np.testing.assert_allclose(found.scores[1:], [1.5])


ONES = np.ones((3, 2))
BAD = {
    "there are none": (np.ones((0, 2)), np.ones(0), None),
    "all counts of a count fit are 0": (ONES, np.zeros(3), None),
    "the encoder is dead": (np.zeros((3, 2)), np.ones(3), None),
    "features of a count fit must be finite and not negative: that of row 1 is nan": (
        np.array([[1.0, 1], [np.nan, 1], [1, 1]]),
        np.ones(3),
        None,
    ),
    "counts of a count fit must be finite and not negative: that of row 2 is -1": (ONES, np.array([1.0, 1, -1]), None),
    "no image of a count fit has a weight above 0": (ONES, np.ones(3), np.zeros(3)),
    r"not \(3, 2\), \(2,\) and \(2,\)": (ONES, np.ones(2), None),
}


@pytest.mark.parametrize("solver", [fit_counts, fit_robust, fit_poisson])
@pytest.mark.parametrize("said", BAD)
def test_bad_input_is_one_sentence(said, solver):
    with pytest.raises(ThrongError, match=said):
        solver(*BAD[said])
