import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import cKDTree
from scipy.special import erf

from throng.density.maps import adaptive_sigmas, density_map, density_maps
from throng.errors import ThrongError

SHAPES = st.tuples(st.integers(1, 60), st.integers(1, 60))
POINTS = st.integers(0, 30).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(-5, 70, width=32)))
STRIDES = st.sampled_from([1, 2, 4, 8])
SIGMAS = st.one_of(st.floats(0.3, 30.0), st.just("adaptive"))


def oracle(points, shape, sigmas, stride):
    """Integrate every Gaussian over every cell, one head at a time, with scipy's erf."""
    total = np.zeros((-(-shape[0] // stride), -(-shape[1] // stride)))
    for (x, y), sigma in zip(points, sigmas, strict=True):
        axes = []
        for centre, size in ((y, shape[0]), (x, shape[1])):
            edges = np.arange(-(-size // stride) + 1) * stride - 0.5
            cdf = 0.5 * erf(np.clip((edges - np.clip(centre, -0.5, size - 0.5)) / sigma, -4, 4) / np.sqrt(2))
            axes.append(np.diff(cdf) / (cdf[-1] - cdf[0]))
        total += np.outer(*axes)
    return total


@settings(max_examples=60, deadline=None)
@given(POINTS, SHAPES, SIGMAS, STRIDES)
def test_every_head_adds_exactly_one(points, shape, sigma, stride):
    density = density_map(points, shape, sigma=sigma, stride=stride)
    assert density.dtype == np.float32
    assert density.shape == (-(-shape[0] // stride), -(-shape[1] // stride))
    assert density.min(initial=0) >= 0
    assert abs(density.sum(dtype=np.float64) - len(points)) <= 1e-4 * len(points)


@settings(max_examples=40, deadline=None)
@given(st.lists(POINTS, min_size=1, max_size=3), SHAPES, SIGMAS, STRIDES)
def test_torch_maps_equal_numpy_maps(batch, shape, sigma, stride):
    maps = density_maps([torch.from_numpy(p) for p in batch], shape, sigma=sigma, stride=stride)
    expected = np.stack([density_map(p, shape, sigma=sigma, stride=stride) for p in batch])
    np.testing.assert_allclose(maps[:, 0].numpy(), expected, atol=1e-6, rtol=1e-5)


def test_against_slow_scipy_oracle():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, [120, 90], (200, 2))
    sigmas = rng.uniform(0.5, 20, 200)
    for stride in (1, 3, 8):
        density = density_map(points, (90, 120), sigma=sigmas, stride=stride)
        np.testing.assert_allclose(density, oracle(points, (90, 120), sigmas, stride), atol=1e-6)


def test_coarse_map_is_the_block_sum_of_the_fine_one():
    points = np.array([[10.2, 20.7], [0.0, 0.0], [47.9, 31.0]])
    fine = density_map(points, (32, 48), sigma=3.0)
    coarse = density_map(points, (32, 48), sigma=3.0, stride=8)
    np.testing.assert_allclose(fine.reshape(4, 8, 6, 8).sum((1, 3)), coarse, atol=1e-6)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 400])
@pytest.mark.parametrize("layout", ["square", "line", "clusters"])
def test_adaptive_sigmas_equal_a_kd_tree(n, layout):
    rng = np.random.default_rng(n)
    points = rng.uniform(0, 500, (n, 2))
    if layout == "line":
        points[:, 1] = 7.0
    elif layout == "clusters":
        points = points // 200 * 200 + rng.normal(0, 2, (n, 2))
    k = min(3, n - 1)
    distances, _ = cKDTree(points).query(points, k=k + 1)
    expected = np.maximum(0.3 * distances[:, 1:].mean(1), 1.0)
    np.testing.assert_allclose(adaptive_sigmas(points), expected, rtol=1e-9)


def test_few_and_coincident_heads_have_a_sigma():
    assert adaptive_sigmas(np.zeros((0, 2))).shape == (0,)
    assert adaptive_sigmas(np.array([[3.0, 4.0]])).tolist() == [15.0]
    assert adaptive_sigmas(np.full((9, 2), 5.0)).tolist() == [1.0] * 9


def test_torch_maps_are_differentiable_and_keep_their_sum_under_autocast():
    points = torch.tensor([[5.0, 6.0], [20.0, 3.0]], dtype=torch.float64, requires_grad=True)
    sigma = torch.tensor([2.0, 4.0], dtype=torch.float64, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = density_maps([points], (16, 24), sigma=[sigma], stride=4)
    assert maps.sum().item() == pytest.approx(2.0, abs=1e-6)
    (maps**2).sum().backward()
    assert points.grad.abs().sum() > 0
    assert sigma.grad.abs().sum() > 0


def test_bad_points_are_refused_by_number():
    with pytest.raises(ThrongError, match="head point 1 is not finite"):
        density_map(np.array([[1.0, 2.0], [np.nan, 2.0]]), (10, 10))
    with pytest.raises(ThrongError, match=r"\(N, 2\)"):
        density_map(np.zeros((3, 3)), (10, 10))
    with pytest.raises(ThrongError, match="sigma"):
        density_map(np.zeros((1, 2)), (10, 10), sigma=0.0)
    with pytest.raises(ThrongError, match="stride"):
        density_map(np.zeros((1, 2)), (10, 10), stride=0)
