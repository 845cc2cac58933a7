import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.counting.losses import ssim_map
from throng.density.maps import density_map
from throng.errors import ThrongError
from throng.evaluation.map_metrics import dm_distance, game, game_metrics, map_metrics, psnr, ssim


def test_the_published_dm_distance_is_its_squared_error():
    true = np.zeros((768, 1024), np.float32)
    assert dm_distance(true + math.sqrt(9.884e-8), true) == pytest.approx(4.942, rel=1e-6)
    half = true.copy()
    half[:384] = 1e-3
    assert dm_distance(half, true) == pytest.approx(0.5 * 1e-6 * 5e7)


def test_psnr_has_known_answers():
    true = np.zeros((4, 4))
    true[0, 0] = 2.0
    assert psnr(true + 0.2, true) == pytest.approx(20 * math.log10(2.2 / 0.2))
    assert psnr(true + 0.2, true, data_range=1.0) == pytest.approx(20 * math.log10(5))
    assert psnr(true, true) == math.inf


def test_ssim_is_the_slow_one_window_by_window():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 15, 17)) * 0.02
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    span = max(x.max(), y.max()) - min(x.min(), y.min())
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    values = []
    for row in range(5):
        for column in range(7):
            a, b = x[row : row + 11, column : column + 11], y[row : row + 11, column : column + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert ssim(x, y) == pytest.approx(np.mean(values), abs=1e-9)
    ours = ssim_map(torch.from_numpy(x / span)[None, None], torch.from_numpy(y / span)[None, None])
    assert float(ours[0, 0, 5:-5, 5:-5].mean()) == pytest.approx(ssim(x, y), abs=1e-9)


def test_equal_maps_are_perfect_even_when_empty():
    empty, some = np.zeros((12, 12)), density_map(np.array([[5.0, 6.0]]), (12, 12), sigma=2.0)
    worse = some + 0.01
    metrics = map_metrics([empty, some, worse], [empty, some, some])
    assert metrics["psnr_excluded"] == 2 and metrics["psnr"] == pytest.approx(psnr(worse, some))
    assert metrics["ssim"] == pytest.approx((2 + ssim(worse, some)) / 3)
    assert metrics["dm_distance"] == pytest.approx(dm_distance(worse, some) / 3)
    assert map_metrics([empty], [empty]) == {
        "dm_distance": 0.0,
        "psnr": None,
        "psnr_excluded": 1,
        "ssim": 1.0,
        "images": 1,
    }


def slow_game(density, points, shape, stride, level):
    """Every pixel of every cell, handed to the region that holds its centre."""
    fine = np.repeat(np.repeat(density, stride, 0), stride, 1)[: shape[0], : shape[1]]
    pixels = np.repeat(np.repeat(np.ones_like(density), stride, 0), stride, 1)[: shape[0], : shape[1]]
    for row in range(density.shape[0]):
        for column in range(density.shape[1]):
            part = np.s_[row * stride : (row + 1) * stride, column * stride : (column + 1) * stride]
            fine[part] /= pixels[part].sum()
    total, n = 0.0, 2**level
    for row in range(n):
        for column in range(n):
            top, bottom, left, right = (
                side * place // n
                for side, place in zip(
                    (shape[0], shape[0], shape[1], shape[1]), (row, row + 1, column, column + 1), strict=True
                )
            )
            inside = (points[:, 0] > left - 0.5) & (points[:, 0] < right - 0.5)
            inside &= (points[:, 1] > top - 0.5) & (points[:, 1] < bottom - 0.5)
            total += abs(fine[top:bottom, left:right].sum() - inside.sum())
    return total


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4, 8, 16]), st.integers(0, 30))
def test_game_is_the_slow_one_and_grows_with_its_level(seed, stride, heads):
    rng = np.random.default_rng(seed)
    shape = (8 * int(rng.integers(2, 8)), 8 * int(rng.integers(2, 8)))
    points = rng.uniform((0, 0), (shape[1] - 1, shape[0] - 1), (heads, 2)).round(1) + 0.03
    density = rng.exponential(0.2, (-(-shape[0] // stride), -(-shape[1] // stride)))
    values = [game(density, points, shape, level, stride=stride) for level in range(4)]
    assert values == pytest.approx([slow_game(density, points, shape, stride, level) for level in range(4)])
    assert values[0] == pytest.approx(abs(density.sum() - heads))
    assert all(few <= many + 1e-9 for few, many in itertools.pairwise(values))


def test_people_on_the_wrong_side_cost_from_level_one():
    density = np.zeros((8, 8))
    density[0, 0], points = 1.0, np.array([[60.0, 2.0]])
    assert [game(density, points, (64, 64), level, stride=8) for level in range(4)] == [0.0, 2.0, 2.0, 2.0]
    metrics = game_metrics([density, density], [points, points[:0]], [(64, 64)] * 2, stride=8)
    assert metrics == {"game_0": 0.5, "game_1": 1.5, "game_2": 1.5, "game_3": 1.5}
    assert game(np.zeros((8, 8)), np.array([[-9.0, 99.0]]), (64, 64), 3, stride=8) == 1.0


def test_bad_maps_are_refused():
    good = np.zeros((12, 12))
    with pytest.raises(ThrongError, match="one \\(H, W\\) shape"):
        dm_distance(good, good[1:])
    with pytest.raises(ThrongError, match="not finite"):
        psnr(good + math.nan, good)
    with pytest.raises(ThrongError, match="at least 11x11"):
        ssim(good[:10], good[:10])
    with pytest.raises(ThrongError, match="data range"):
        ssim(good + 1, good, data_range=0.0)
    with pytest.raises(ThrongError, match="one predicted and one true map"):
        map_metrics([], [])
    with pytest.raises(ThrongError, match="has a map of \\(13, 7\\) cells at stride 8"):
        game(good, np.zeros((0, 2)), (100, 50), 0, stride=8)
    with pytest.raises(ThrongError, match="0 or more"):
        game(good, np.zeros((0, 2)), (12, 12), -1, stride=1)
    with pytest.raises(ThrongError, match="finite head points"):
        game(good, np.array([[math.nan, 0]]), (12, 12), 0, stride=1)
    with pytest.raises(ThrongError, match="one map, one point set"):
        game_metrics([good], [], [(12, 12)], stride=1)
