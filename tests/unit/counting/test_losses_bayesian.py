import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from throng.counting.losses import Labels, build_loss
from throng.counting.losses.bayesian import expected_counts
from throng.counting.losses.labels import Truth
from throng.errors import ThrongError

STRIDE = 8


def oracle(density, points, shape, sigma, background):
    """The paper's equations as written: every posterior of every cell, by a softmax over heads and dummy point."""
    rows, columns = np.indices(density.shape)
    centres = np.stack([(columns + 0.5) * STRIDE - 0.5, (rows + 0.5) * STRIDE - 0.5], -1).reshape(-1, 2)
    if len(points) == 0:
        return abs(density.sum()), np.zeros(0)
    distance = np.linalg.norm(centres[None] - points[:, None], axis=2)
    dummy = abs(max(background * min(shape), sigma) - distance.min(0))
    posterior = softmax(-(np.vstack([distance, dummy[None]]) ** 2) / (2 * sigma**2), axis=0)
    expected = posterior @ density.ravel()
    return np.abs(1 - expected[:-1]).sum() + abs(expected[-1]), expected[:-1]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, 2, 40, 150]),
    st.sampled_from([2.0, 8.0, 30.0]),
    st.sampled_from([0.05, 0.15, 0.6]),
)
def test_it_is_the_papers_loss_without_its_posteriors(seed, number, sigma, background):
    rng = np.random.default_rng(seed)
    shape = (200, 290)
    points = rng.uniform(-5, (295, 205), (number, 2))
    density = rng.exponential(0.1, (25, 37))
    labels = Labels([torch.from_numpy(points), torch.zeros(1, 2)], shape, STRIDE)
    maps = torch.from_numpy(np.stack([density, np.zeros_like(density)]))[:, None]
    loss, expected = oracle(density, points, shape, sigma, background)
    people, nobody = expected_counts(maps, Truth(labels, maps), sigma, background)
    np.testing.assert_allclose(people[0, :number].numpy(), expected, atol=1e-9)
    assert float(people[0].sum() + nobody[0]) == pytest.approx(density.sum(), rel=1e-12)
    total = build_loss({"bayesian": {"weight": 1.0, "sigma": sigma, "background": background}})(maps, labels).total
    assert float(total) == pytest.approx((loss + 1) / 2, rel=1e-9)


def test_a_dummy_point_out_of_reach_is_refused():
    labels = Labels([torch.zeros(1, 2)], (200, 200), STRIDE)
    with pytest.raises(ThrongError, match="lower background or raise sigma"):
        build_loss({"bayesian": {"weight": 1.0, "sigma": 2.0, "background": 1.0}})(torch.zeros(1, 1, 25, 25), labels)


def test_mass_far_from_every_head_is_the_backgrounds():
    labels = Labels([torch.tensor([[3.5, 3.5]])], (64, 4000), STRIDE)
    maps = torch.zeros(1, 1, 8, 500)
    maps[0, 0, 0, 0], maps[0, 0, 7, 499] = 1.0, 2.0
    people, nobody = expected_counts(maps, Truth(labels, maps), 8.0, 0.15)
    assert (float(people), float(nobody)) == (pytest.approx(1, abs=0.4), pytest.approx(2, abs=0.4))
    assert float(people + nobody) == pytest.approx(3)


def test_heads_that_share_a_point_share_the_people():
    labels = Labels([torch.tensor([[99.5, 99.5]] * 3)], (200, 200), STRIDE)
    maps = torch.zeros(1, 1, 25, 25, dtype=torch.float64)
    maps[0, 0, 12, 12] = 3.0
    people, _ = expected_counts(maps, Truth(labels, maps), 4.0, 0.15)
    np.testing.assert_allclose(people[0].numpy(), 1.0, atol=1e-6)
