import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import logsumexp

from throng.counting.losses import Labels, build_loss
from throng.counting.losses.labels import Truth
from throng.counting.losses.transport import Transport, sinkhorn


def exact_transport(cost, a, b):
    """The linear programme of optimal transport, solved exactly."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    solved = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]), method="highs")
    assert solved.success
    return solved.fun


def textbook_sinkhorn(cost, a, b, epsilon, rounds=20000):
    """The log-domain iteration in NumPy, without cooling, absorption or relaxation."""
    alpha = np.zeros(len(a))
    for _ in range(rounds):
        beta = -epsilon * logsumexp((alpha[:, None] - cost) / epsilon + np.log(a)[:, None], axis=0)
        new = -epsilon * logsumexp((beta[None] - cost) / epsilon + np.log(b)[None], axis=1)
        if np.abs(new - alpha).max() < 1e-12 * cost.max():
            break
        alpha = new
    return alpha @ a + beta @ b, beta


def problem(seed, heads, shape=(40, 48), stride=8, empty=0.3):
    rng = np.random.default_rng(seed)
    points = rng.uniform((0, 0), (shape[1] - 1, shape[0] - 1), (heads, 2))
    cells = shape[0] // stride, shape[1] // stride
    density = rng.exponential(1.0, cells) * (rng.random(cells) > empty)
    density[0, 0] += 0.1
    rows, columns = np.indices(cells)
    centres = np.stack([(columns + 0.5) * stride - 0.5, (rows + 0.5) * stride - 0.5], -1).reshape(-1, 2)
    cost = ((points[:, None] - centres[None]) ** 2).sum(2)
    return points, density, cost


def transport(points, density, shape=(40, 48), **options):
    maps = torch.from_numpy(density)[None, None]
    labels = Labels([torch.from_numpy(points)], shape, 8)
    return float(build_loss({"transport": {"weight": 1.0, **options}})(maps, labels).total)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_a_small_epsilon_gives_the_linear_programmes_cost(seed, heads):
    points, density, cost = problem(seed, heads)
    a, b = np.full(heads, 1 / heads), density.ravel() / density.sum()
    exact = exact_transport(cost, a, b)
    for epsilon in (30.0, 3.0):
        ours = transport(points, density, epsilon=epsilon, iterations=4000, tolerance=1e-9)
        # The entropy of a plan against the product of its margins is at most that of the smaller margin.
        assert exact - 1e-6 * cost.max() <= ours <= exact + epsilon * np.log(heads) + 1e-6 * cost.max()


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 15), st.sampled_from([60.0, 1000.0]))
def test_it_is_the_textbooks_fixed_point(seed, heads, epsilon):
    points, density, cost = problem(seed, heads, empty=0.0)
    a, b = np.full(heads, 1 / heads), density.ravel() / density.sum()
    value, beta = textbook_sinkhorn(cost, a, b, epsilon)
    maps = torch.from_numpy(density)[None, None].requires_grad_()
    labels = Labels([torch.from_numpy(points)], (40, 48), 8)
    loss = build_loss({"transport": {"weight": 1.0, "epsilon": epsilon, "iterations": 20000, "tolerance": 1e-11}})
    total = loss(maps, labels).total
    total.backward()
    assert float(total.detach()) == pytest.approx(value, rel=1e-6)
    assert maps.grad is not None
    expected = (beta - beta @ b) / density.sum()
    np.testing.assert_allclose(maps.grad.numpy().ravel(), expected, atol=1e-5 * np.abs(expected).max())


def test_the_settings_of_training_are_close_to_convergence():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, (255, 191), (300, 2))
    density = rng.gamma(0.5, 1.0, (24, 32))
    converged = transport(points, density, (192, 256), iterations=4000, tolerance=1e-6)
    usual = transport(points.astype(np.float32), density.astype(np.float32), (192, 256))
    assert usual == pytest.approx(converged, rel=5e-3)


def test_a_padded_batch_is_solved_as_its_images_are():
    numbers = (5, 1, 12)
    problems = [problem(seed, n) for seed, n in enumerate(numbers)]
    cost = torch.zeros(3, 12, 30, dtype=torch.float64)
    a, b = torch.zeros(3, 12, dtype=torch.float64), torch.zeros(3, 30, dtype=torch.float64)
    for i, (n, (_, density, own)) in enumerate(zip(numbers, problems, strict=True)):
        cost[i, :n] = torch.from_numpy(own)
        a[i, :n], b[i] = 1 / n, torch.from_numpy(density.ravel() / density.sum())
    together = sinkhorn(cost, a, b, 50.0, 5000, 1e-11)
    for i, n in enumerate(numbers):
        alone = sinkhorn(cost[i : i + 1, :n], a[i : i + 1, :n], b[i : i + 1], 50.0, 5000, 1e-11)
        difference = together[1][i] - alone[1][0]
        np.testing.assert_allclose(difference.numpy(), float(difference[0]), atol=1e-6)
        value = (together[0][i] * a[i]).sum() + (together[1][i] * b[i]).sum()
        assert float(value) == pytest.approx(float((alone[0] @ a[i, :n])[0] + alone[1][0] @ b[i]), rel=1e-9)


def test_one_head_pays_every_cell_its_squared_distance():
    density = np.zeros((5, 6))
    density[0, 0], density[4, 5] = 1.0, 3.0
    cost = np.array([(3.5 - 10) ** 2 + (3.5 - 20) ** 2, (43.5 - 10) ** 2 + (35.5 - 20) ** 2])
    assert transport(np.array([[10.0, 20.0]]), density) == pytest.approx(0.25 * cost[0] + 0.75 * cost[1])


def test_a_cell_below_zero_counts_as_empty():
    points, density, _ = problem(0, 4)
    assert transport(points, np.where(density > 0, density, -0.5)) == pytest.approx(transport(points, density))


def test_variation_is_the_people_in_the_wrong_cell():
    labels = Labels([torch.tensor([[3.0, 3.0], [20.0, 3.0]])], (16, 24), 8)
    maps = torch.zeros(1, 1, 2, 3, dtype=torch.float64)
    maps[0, 0, 0, 0], maps[0, 0, 1, 1] = 5.0, 5.0
    assert float(build_loss({"variation": 1.0})(maps, labels).total) == pytest.approx(1.0)
    truth = Truth(labels, maps)
    assert truth.dots[0, 0].tolist() == [[1, 0, 1], [0, 0, 0]]


def test_the_potentials_are_those_of_every_cell_even_an_empty_one():
    points, density, _ = problem(3, 6, empty=0.8)
    maps = torch.from_numpy(density)[None, None]
    truth = Truth(Labels([torch.from_numpy(points)], (40, 48), 8), maps)
    cells = (maps / maps.sum()).flatten(1)
    _, beta = Transport().potentials(truth, cells)
    assert (density == 0).any() and beta.isfinite().all()
