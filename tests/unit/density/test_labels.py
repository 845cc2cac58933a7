import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.density.labels import threshold


@pytest.mark.parametrize(("count", "density_class"), [(0, 0), (1, 0), (10, 0), (11, 1), (30, 1), (31, 2), (5000, 2)])
def test_upper_ends_are_inclusive(count, density_class):
    assert threshold(count, [10, 30]).density_class == density_class
    assert threshold(count, [10, 30]).score == count


@given(st.integers(0, 1000), st.sets(st.integers(0, 900), min_size=1).map(sorted))
def test_the_class_is_the_number_of_thresholds_exceeded(count, thresholds):
    assert threshold(count, thresholds).density_class == sum(count > end for end in thresholds)
