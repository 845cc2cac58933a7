import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthesizers.drawn import prompt
from throng.synthesizers.requests import people_wanted

SEEDS = st.integers(0, 2**64 - 1)


@given(st.integers(0, 2000), SEEDS)
def test_a_requested_count_is_exact(count, seed):
    assert people_wanted(prompt(count, seed=seed)) == count


@given(st.integers(0, 500), st.integers(0, 500), SEEDS)
def test_a_density_stays_in_its_range(fewest, more, seed):
    row = prompt(None, seed=seed, density="sparse", fewest=fewest, most=fewest + more)
    assert fewest <= people_wanted(row) <= fewest + more
    assert people_wanted(row) == people_wanted(row)


def test_numbers_are_even_in_the_logarithm():
    rows = [prompt(None, seed=seed, density="dense", fewest=50, most=500) for seed in range(3000)]
    drawn = np.array([people_wanted(row) for row in rows])
    middle = np.sqrt(51 * 502) - 1
    assert abs((drawn < middle).mean() - 0.5) < 0.03
    assert drawn.min() < 55 and drawn.max() > 470
