"""Criteria without labels: Sinkhorn distances against sorting, the prior's own promises, blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.ranking.selection import PowerLaw, agreement, block_counts, sinkhorn_distance


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_sinkhorn_tends_to_the_wasserstein_distance_of_sorted_numbers(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(3, 30), rng.exponential(5, 30) + rng.uniform(0, 5)
    exact = np.sqrt(((np.sort(a) - np.sort(b)) ** 2).mean())
    assert sinkhorn_distance(a, b, 0.01) == pytest.approx(exact, rel=0.05)
    assert sinkhorn_distance(a, b) == pytest.approx(sinkhorn_distance(b, a), rel=1e-4)


def test_sinkhorn_of_a_shift_is_the_shift_and_of_equals_nothing():
    a = np.random.default_rng(0).exponential(3, 50)
    assert sinkhorn_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert sinkhorn_distance(a, a + 7) == pytest.approx(7, rel=1e-3)
    assert sinkhorn_distance(np.full(3, 4.0), np.full(5, 4.0)) == 0
    with pytest.raises(ThrongError, match="finite"):
        sinkhorn_distance(np.array([np.nan]), a)


@pytest.mark.parametrize(
    ("most", "samples", "alpha"), [(30, 500, 2.0), (1000, 500, 1.5), (200, 900, 2.0), (5, 20, 1.0)]
)
def test_the_cutoff_lets_one_sample_beyond_most(most, samples, alpha):
    law = PowerLaw(most, samples, alpha)
    cutoff = law.cutoff()
    c = np.geomspace(1, 1e4 * most, 400_000)
    density = c**-alpha * np.exp(-c / cutoff)
    mass = 0.5 * (density[1:] + density[:-1]) * np.diff(c)
    above = mass[c[1:] > most].sum() / mass.sum()
    if np.isfinite(cutoff):
        assert above == pytest.approx(1 / samples, rel=0.05)
    else:
        assert above <= 1 / samples * 1.01


def test_the_prior_is_ascending_and_even_below_its_low_quantile():
    people = PowerLaw(100, 400).people(1000)
    assert (np.diff(people) > 0).all()
    np.testing.assert_allclose(np.diff(people[:279]), np.diff(people[:2])[0], rtol=1e-6)
    assert people[0] < 0.01
    assert people[997] == pytest.approx(100, rel=0.05)
    assert people[280] == pytest.approx(1 / (1 - 0.28), rel=0.1)  # 1 - 1 / c = 0.28 without cut-off


def test_a_larger_guess_of_the_fullest_gives_more_people():
    assert PowerLaw(500, 400).people(200).mean() > 1.2 * PowerLaw(20, 400).people(200).mean()


@pytest.mark.parametrize(
    "keys", [{"most": 1, "samples": 10}, {"most": 10, "samples": 1}, {"most": 9, "samples": 9, "alpha": 0}]
)
def test_a_prior_that_is_none_is_refused(keys):
    with pytest.raises(ThrongError, match="a prior of blocks"):
        PowerLaw(**keys)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 6))
@settings(deadline=None)
def test_blocks_share_out_all_people(rows, columns, blocks):
    density = np.random.default_rng(rows * 31 + columns).uniform(0, 2, (rows, columns))
    found = block_counts([density, 2 * density], blocks)
    assert len(found) == 2 * blocks**2
    assert found[: blocks**2].sum() == pytest.approx(density.sum())
    assert found.sum() == pytest.approx(3 * density.sum())


def test_blocks_of_whole_cells_are_their_sums():
    density = np.arange(24.0).reshape(4, 6)
    np.testing.assert_allclose(
        block_counts([density], 2),
        [density[:2, :3].sum(), density[:2, 3:].sum(), density[2:, :3].sum(), density[2:, 3:].sum()],
    )


def test_agreement():
    assert agreement([1.0, 5.0], [2.0, 2.0]) == {"mae": 2.0, "rmse": pytest.approx(5**0.5), "images": 2}
