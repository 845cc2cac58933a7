import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.gan.metrics import frechet
from throng.gan.metrics.distances import (
    Moments,
    RunningMoments,
    around,
    frechet_distance,
    frechet_infinity,
    frechet_of,
    frechet_resamples,
    moments_of,
)


def _features(images: int, dim: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(images, dim)) @ rng.normal(size=(dim, dim)) + shift


def _by_scipy(one: np.ndarray, other: np.ndarray) -> float:
    """FID as tools compute it: NumPy's moments and SciPy's matrix square root."""
    first, second = np.cov(one.T), np.cov(other.T)
    root = scipy.linalg.sqrtm(first @ second).real
    return float(((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root))


def test_distance_of_axis_aligned_gaussians_is_the_closed_form() -> None:
    one = Moments(100, np.array([0.0, 1.0]), np.diag([4.0, 9.0]))
    other = Moments(100, np.array([3.0, 5.0]), np.diag([1.0, 16.0]))
    assert frechet_distance(one, other) == pytest.approx(25 + (2 - 1) ** 2 + (3 - 4) ** 2)


def test_distance_equals_scipys_square_root_where_that_works() -> None:
    one, other = _features(300, 24, 0), _features(200, 24, 1, shift=0.5)
    expected = _by_scipy(one, other)
    assert frechet_of(one, other) == pytest.approx(expected, rel=1e-8)
    assert frechet_of(other, one) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("images", [2, 40, 500])
def test_equal_sets_are_at_distance_0_even_with_fewer_images_than_features(images: int) -> None:
    features = 10 * _features(images, 200, 2).astype(np.float32)
    assert frechet_distance(moments_of(features), moments_of(features)) < 1e-3
    assert frechet_of(features, features) < 1e-3


def test_rank_deficient_covariances_agree_with_images_inner_products() -> None:
    one, other = _features(30, 120, 3), _features(50, 120, 4, shift=0.2)
    # the singular values of X1 X2^T are those of C1^(1/2) C2^(1/2), and need no root
    rows = [(part - part.mean(0)) / np.sqrt(len(part) - 1) for part in (one, other)]
    shared = scipy.linalg.svdvals(rows[0] @ rows[1].T).sum()
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + sum((part**2).sum() for part in rows) - 2 * shared
    assert frechet_distance(moments_of(one), moments_of(other)) == pytest.approx(expected, rel=1e-6)
    assert frechet_of(one, other) == pytest.approx(expected, rel=1e-9)


@given(cuts=st.lists(st.integers(1, 59), max_size=5), offset=st.floats(-1e4, 1e4))
@settings(max_examples=25, deadline=None)
def test_moments_are_the_same_in_whatever_batches_they_arrive(cuts: list[int], offset: float) -> None:
    features = _features(60, 5, 5) + offset
    running = RunningMoments(5)
    for part in np.split(features, sorted(cuts)):
        running.add(part)
    found = running.moments()
    assert found.number == 60
    np.testing.assert_allclose(found.mean, features.mean(0), rtol=1e-9)
    np.testing.assert_allclose(found.covariance, np.cov(features.T), rtol=1e-6, atol=1e-6)


def test_weighted_moments_are_those_of_repeated_images() -> None:
    features, times = _features(20, 4, 6), np.random.default_rng(0).integers(0, 4, 20)
    found, expected = moments_of(features, times), moments_of(np.repeat(features, times, axis=0))
    np.testing.assert_allclose(found.covariance, expected.covariance)
    np.testing.assert_allclose(found.mean, expected.mean)


def test_bootstrap_draws_repeat_images_whichever_way_they_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = _features(12, 30, 7), _features(15, 30, 8)
    by_products = frechet_resamples(one, other, resamples=4, seed=1)
    monkeypatch.setattr(frechet, "_by_products", frechet._by_moments)
    np.testing.assert_allclose(by_products, frechet_resamples(one, other, resamples=4, seed=1), rtol=1e-6)


def test_interval_of_a_distance_holds_the_spread_of_new_samples() -> None:
    rng = np.random.default_rng(9)
    fakes = [frechet_of(rng.normal(size=(80, 4)), rng.normal(size=(80, 4)) + 1) for _ in range(60)]
    widths = []
    for _ in range(5):
        one, other = rng.normal(size=(80, 4)), rng.normal(size=(80, 4)) + 1
        value = frechet_of(one, other)
        interval = around(value, frechet_resamples(one, other, resamples=80, seed=0))
        assert interval is not None
        assert interval[0] < value < interval[1]
        widths.append(interval[1] - interval[0])
    assert np.mean(widths) == pytest.approx(3.92 * np.std(fakes), rel=0.35)


def test_extrapolation_takes_the_bias_of_few_images_away() -> None:
    rng = np.random.default_rng(10)
    pairs = [(rng.normal(size=(200, 20)), rng.normal(size=(200, 20))) for _ in range(12)]
    raw = np.mean([frechet_of(*pair) for pair in pairs])
    assert raw > 0.5
    assert abs(np.mean([frechet_infinity(*pair, points=6) for pair in pairs])) < raw / 5


def test_too_few_or_broken_images_are_refused_in_a_sentence() -> None:
    features = _features(9, 5, 11)
    with pytest.raises(ThrongError, match="2 images at least"):
        frechet_of(features[:1], features)
    with pytest.raises(ThrongError, match="2 images at least, not 1"):
        running = RunningMoments(5)
        running.add(features[:1])
        running.moments()
    with pytest.raises(ThrongError, match="5 and of 4 numbers"):
        frechet_of(features, features[:, :4])
    with pytest.raises(ThrongError, match="needs 20 images of each kind, not 9"):
        frechet_infinity(features, features)
    features[3, 2] = np.nan
    with pytest.raises(ThrongError, match="image 3 are not finite"):
        frechet_of(features, features)
