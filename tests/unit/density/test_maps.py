import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import cKDTree
from scipy.special import erf
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from throng.density.batched import _adaptive_by_all, _product
from throng.density.maps import adaptive_sigmas, density_map, density_maps
from throng.density.stamps import _phi, mass_map
from throng.errors import ThrongError

SHAPES = st.tuples(st.integers(1, 60), st.integers(1, 60))
POINTS = st.integers(0, 30).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(-5, 70, width=32)))
STRIDES = st.sampled_from([1, 2, 4, 8])
SIGMAS = st.one_of(st.floats(0.01, 300.0), st.just("adaptive"))


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


def test_the_products_gradients_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    centre = (torch.rand((2, 3, 2), dtype=torch.float64, generator=generator) * 16 - 3).requires_grad_()
    spread = (torch.rand((2, 3), dtype=torch.float64, generator=generator) * 4 + 0.8).requires_grad_()
    real = torch.tensor([[1.0] * 3, [1.0, 0.0, 0.0]], dtype=torch.float64)
    for stride in (1, 4):
        assert torch.autograd.gradcheck(lambda c, s, by=stride: _product(c, s, real, (9, 11), by), (centre, spread))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 700])
def test_adaptive_sigmas_by_all_distances_equal_those_by_the_grid(count):
    points = np.random.default_rng(count).uniform(-20, 300, (count, 2)).round(1)
    points[count // 2 :] = points[: count - count // 2]
    sigmas = _adaptive_by_all(torch.from_numpy(points), at_once=256)
    np.testing.assert_allclose(sigmas.numpy(), adaptive_sigmas(points), rtol=1e-12)


@pytest.mark.parametrize("sigma", ["adaptive", 4.0, "tensors"])
def test_nothing_waits_for_a_gpu(sigma):
    counts = (0, 1, 2, 50)
    with FakeTensorMode():  # stands in for a GPU: whatever needs a value raises
        points = [torch.empty((n, 2), device="cuda", requires_grad=True) for n in counts]
        given = [torch.empty(n, device="cuda") for n in counts] if sigma == "tensors" else sigma
        maps = density_maps(points, (64, 48), sigma=given, stride=4)
        assert maps.shape == (4, 1, 16, 12)
        assert maps.device.type == "cuda"
        with pytest.raises(DataDependentOutputException):
            bool(maps.sum() > 0)


@pytest.mark.parametrize("sigma", [1e-3, 1e-2, 1e3, 1e6])
def test_extreme_sigmas_keep_the_sum_and_equal_erf(sigma):
    points = np.array([[0.0, 0.0], [7.5, 3.5], [19.4, 8.9], [-3.0, 40.0]])
    density = density_map(points, (9, 20), sigma=sigma)
    assert density.sum() == pytest.approx(4, rel=1e-6)
    np.testing.assert_allclose(density, oracle(points, (9, 20), [sigma] * 4, 1), atol=1e-6)
    maps = density_maps([torch.from_numpy(points)], (9, 20), sigma=sigma)
    np.testing.assert_allclose(maps[0, 0].numpy(), density, atol=1e-6)


def test_the_table_of_the_normal_distribution_is_exact_to_a_trillionth():
    z = np.linspace(-4.5, 4.5, 100_001)
    found = np.array([_phi(value) for value in z])
    np.testing.assert_allclose(found, 0.5 * erf(np.clip(z, -4, 4) / np.sqrt(2)), atol=6e-12, rtol=0)


def test_thousands_of_heads_at_one_place_all_count():
    for stride in (1, 8):
        density = density_map(np.full((5000, 2), 30.3), (64, 64), stride=stride)
        assert density.sum(dtype=np.float64) == pytest.approx(5000, rel=1e-4)


def test_what_is_given_is_neither_changed_nor_compiled_for_anew():
    points = np.random.default_rng(0).uniform(0, 50, (20, 2))
    expected = density_map(points, (50, 60))
    views = points.astype(np.float32).astype(np.float64)[::-1][::-1], np.asfortranarray(points), points.tolist()
    points.setflags(write=False)
    compiled = len(mass_map.signatures)
    for same in (points, *views):
        np.testing.assert_allclose(density_map(same, (50, 60)), expected, atol=1e-6)
    assert len(mass_map.signatures) == compiled


BAD = [
    (np.array([[1.0, 2.0], [np.nan, 2.0]]), {}, "head point 1 is not finite"),
    (np.array([[1.0, 2.0], [1e12, 2.0]]), {}, "head point 1 is far outside any image"),
    (np.zeros((3, 3)), {}, r"\(N, 2\) array of x, y; got shape \(3, 3\)"),
    ([["left", "top"]], {}, r"\(N, 2\) array of numbers"),
    (np.zeros((1, 2)), {"sigma": 0.0}, "sigma is 0 pixels; expected 0.001 to 1,000,000"),
    (np.zeros((1, 2)), {"sigma": np.inf}, "sigma is inf pixels"),
    (np.zeros((2, 2)), {"sigma": np.array([1.0, np.nan])}, "sigma of head 1 is nan"),
    (np.zeros((2, 2)), {"sigma": np.ones(3)}, r"one per head, \(2,\); got shape \(3,\)"),
    (np.zeros((1, 2)), {"sigma": "adaptiv"}, "expected 'adaptive' or a number of pixels"),
    (np.zeros((1, 2)), {"sigma": [[], 1]}, "expected 'adaptive' or a number of pixels"),
    (np.zeros((1, 2)), {"stride": 0}, "stride must be a whole number of at least 1; got 0"),
    (np.zeros((1, 2)), {"stride": 1.5}, "stride must be a whole number"),
    (np.zeros((1, 2)), {"shape": (0, 10)}, "height must be a whole number"),
    (np.zeros((1, 2)), {"shape": (10, 10, 3)}, r"shape must be \(height, width\)"),
]


@pytest.mark.parametrize(("points", "how", "message"), BAD)
def test_bad_input_is_refused_in_one_sentence(points, how, message):
    with pytest.raises(ThrongError, match=message):
        density_map(points, **{"shape": (10, 10), **how})


def test_a_bad_batch_is_refused_by_image():
    good, bad = torch.zeros((2, 2)), torch.tensor([[1.0, 2.0], [np.inf, 1.0]])
    with pytest.raises(ThrongError, match="image 1: head point 1 is not finite"):
        density_maps([good, bad], (10, 10))
    with pytest.raises(ThrongError, match="image 1: sigma of head 0 is -1"):
        density_maps([good, good], (10, 10), sigma=[torch.ones(2), -torch.ones(2)])
    with pytest.raises(ThrongError, match=r"image 0: sigma must be one per head, \(2,\); got shape \(1,\)"):
        density_maps([good], (10, 10), sigma=[torch.ones(1)])
    with pytest.raises(ThrongError, match="one tensor per image; got 1 for 2"):
        density_maps([good, good], (10, 10), sigma=[torch.ones(2)])
    with pytest.raises(ThrongError, match=r"image 0: head points must be \(N, 2\)"):
        density_maps([torch.zeros(4, 3)], (10, 10))
    with pytest.raises(ThrongError, match="sigma is nan"):
        density_maps([good], (10, 10), sigma=float("nan"))
    with pytest.raises(ThrongError, match="at least one image"):
        density_maps([], (10, 10))


def test_adaptive_sigmas_know_up_to_three_neighbours():
    points = np.array([[0.0, 0.0], [10.0, 0.0], [30.0, 0.0]])
    assert adaptive_sigmas(points, neighbours=1).tolist() == pytest.approx([3, 3, 6])
    with pytest.raises(ThrongError, match="from 1 to 3 neighbours; got 4"):
        adaptive_sigmas(points, neighbours=4)
