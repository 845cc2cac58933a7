"""The maps of the published counters against slow oracles written from their descriptions."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from throng.density.maps import density_map
from throng.errors import ThrongError

STRIDES = (1, 3, 8)


def dots(points, shape):
    mask = np.zeros(shape)
    for x, y in points:
        column, row = int(x), int(y)
        if 0 <= column < shape[1] and 0 <= row < shape[0]:
            mask[row, column] = 1
    return mask


def csrnet(points, shape):
    """One filter of the whole image per head; with two or three heads the mean over those there are."""
    mask = dots(points, shape)
    rows, columns = np.nonzero(mask)
    heads = np.column_stack([columns, rows])
    density = np.zeros(shape)
    if len(heads) > 1:
        distances, _ = KDTree(heads, leafsize=2048).query(heads, k=min(4, len(heads)))
    for i, (x, y) in enumerate(heads):
        if len(heads) == 1:
            sigma = np.mean(shape) / 4
        elif len(heads) < 4:
            sigma = 0.3 * distances[i, 1:].mean()
        else:
            sigma = 0.1 * (distances[i, 1] + distances[i, 2] + distances[i, 3])
        dot = np.zeros(shape)
        dot[y, x] = 1
        density += gaussian_filter(dot, sigma, mode="constant")
    return density


def fspecial(rows, columns, sigma):
    down, across = np.mgrid[:rows, :columns]
    kernel = np.exp(-((down - (rows - 1) / 2) ** 2 + (across - (columns - 1) / 2) ** 2) / (2 * sigma**2))
    kernel[kernel < np.finfo(float).eps * kernel.max()] = 0
    return kernel / kernel.sum()


def c3(points, shape, sigma=4.0):
    density = np.zeros(shape)
    for x, y in points:
        column = int(min(max(np.floor(x), 0), shape[1] - 1))
        row = int(min(max(np.floor(y), 0), shape[0] - 1))
        top, bottom = max(row - 7, 0), min(row + 7, shape[0] - 1)
        left, right = max(column - 7, 0), min(column + 7, shape[1] - 1)
        density[top : bottom + 1, left : right + 1] += fspecial(bottom - top + 1, right - left + 1, sigma)
    return density


def block_sums(density, stride):
    rows, columns = -(-density.shape[0] // stride), -(-density.shape[1] // stride)
    whole = np.zeros((rows * stride, columns * stride))
    whole[: density.shape[0], : density.shape[1]] = density
    return whole.reshape(rows, stride, columns, stride).sum((1, 3))


def crowd(count, shape, seed, kind="uniform"):
    random = np.random.default_rng(seed)
    height, width = shape
    if kind == "clusters":
        centres = random.uniform(0, [width, height], (3, 2))
        return centres[random.integers(0, 3, count)] + random.normal(0, 4, (count, 2))
    if kind == "border":
        points = random.uniform(0, [width, height], (count, 2))
        points[::2, 0] = random.choice([0, width - 1, width - 0.01], len(points[::2]))
        points[1::3, 1] = random.choice([0, height - 1, height - 0.01], len(points[1::3]))
        return points
    if kind == "outside":
        return random.uniform([-15, -15], [width + 15, height + 15], (count, 2))
    if kind == "repeated":
        points = random.uniform(0, [width, height], (-(-count // 3), 2))
        return np.repeat(points, 3, axis=0)[:count]
    return random.uniform(0, [width, height], (count, 2))


KINDS = ("uniform", "clusters", "border", "outside", "repeated")
IMAGES = [
    *itertools.product((0, 1, 2, 3, 4), [(61, 83)], ("uniform", "border")),
    *itertools.product((5, 40, 200), [(61, 83)], KINDS),
    (7, (5, 400), "uniform"),
    (30, (64, 1), "uniform"),
    (1, (1, 1), "uniform"),
    (3600, (100, 140), "uniform"),
]


@pytest.mark.parametrize(("count", "shape", "kind"), IMAGES)
def test_csrnet_is_the_published_definition(count, shape, kind):
    points = crowd(count, shape, count, kind)
    expected = csrnet(points, shape)
    for stride in STRIDES:
        density = density_map(points, shape, mode="csrnet", stride=stride)
        assert density.dtype == np.float32
        # per pixel 1e-6; a cell of many heads is held to the same share of its value, float32 having no more to give
        np.testing.assert_allclose(density, block_sums(expected, stride), atol=1e-6, rtol=0 if stride == 1 else 1e-6)


@pytest.mark.parametrize("sigma", [0.1, 1.3, 4, 15.0, 60.0])
@pytest.mark.parametrize("shape", [(61, 83), (9, 14), (1, 1)])
def test_csrnet_with_one_sigma_is_one_filter_with_reflection(sigma, shape):
    for kind in KINDS:
        points = crowd(50, shape, 3, kind)
        mask = dots(points, shape)
        expected = gaussian_filter(mask, sigma)
        for stride in STRIDES:
            density = density_map(points, shape, sigma=sigma, mode="csrnet", stride=stride)
            np.testing.assert_allclose(density, block_sums(expected, stride), atol=1e-6, rtol=1e-6)
        assert density.sum(dtype=np.float64) == pytest.approx(mask.sum(), rel=1e-6)


def test_csrnet_merges_heads_of_one_pixel_and_drops_those_outside():
    points = np.array([[5.2, 6.1], [5.9, 6.0], [-0.5, 3.0], [-1.5, 3.0], [30.0, 3.0], [3.0, 20.0], [29.9, 19.9]])
    density = density_map(points, (20, 30), sigma=0.1, mode="csrnet")
    assert sorted(map(tuple, np.argwhere(density))) == [(3, 0), (6, 5), (19, 29)]
    assert density.sum() == pytest.approx(3)


def test_csrnet_loses_what_passes_the_border():
    corners = np.array([[0.0, 0.0], [199.0, 0.0], [0.0, 199.0], [199.0, 199.0]])
    assert density_map(corners, (200, 200), mode="csrnet").sum() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 2, 30, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_c3_is_the_published_definition(count, kind):
    for shape in ((61, 83), (9, 14), (15, 1)):
        points = crowd(count, shape, count, kind)
        for sigma in (None, 0.02, 1.5, 40.0):
            expected = c3(points, shape, sigma or 4.0)  # heaps of 100 heads add up in float32
            for stride in STRIDES:
                density = density_map(points, shape, mode="c3", sigma=sigma, stride=stride)
                np.testing.assert_allclose(density, block_sums(expected, stride), atol=1e-6, rtol=3e-6)


def test_c3_moves_the_peak_off_a_head_in_the_corner():
    density = density_map(np.array([[0.0, 0.0]]), (40, 40), mode="c3")
    assert np.unravel_index(density.argmax(), density.shape) in {(3, 3), (3, 4), (4, 3), (4, 4)}
    assert density.sum() == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 40).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(-9, 70, width=32))),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.integers(1, 9),
)
def test_c3_keeps_the_sum(points, shape, stride):
    density = density_map(points, shape, mode="c3", stride=stride)
    assert abs(density.sum(dtype=np.float64) - len(points)) <= 1e-4 * len(points)


def test_a_sigma_that_a_mode_does_not_have_is_refused():
    points = np.zeros((2, 2))
    with pytest.raises(ThrongError, match="c3 has no adaptive sigma"):
        density_map(points, (9, 9), mode="c3", sigma="adaptive")
    for mode in ("c3", "csrnet"):
        with pytest.raises(ThrongError, match=f"mode {mode} has no sigma per head"):
            density_map(points, (9, 9), mode=mode, sigma=np.ones(2))
    with pytest.raises(ThrongError, match="no mode 'exact'; expected one of mass, csrnet, c3"):
        density_map(points, (9, 9), mode="exact")
