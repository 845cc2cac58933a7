from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.counting.order import Order
from throng.errors import ThrongError

WHOLE = st.integers(0, 3).map(float)


def filled(unit, samples):
    return 1 if unit < samples else 2


def test_once_each_is_a_permutation_per_epoch_cut_into_batches():
    order = Order([1.0] * 7, [], 3, seed=5)
    stream = [unit for number in range(7) for unit in order.batch(number)]
    expected = [np.random.default_rng([5, 0, epoch]).permutation(7) for epoch in range(3)]
    assert stream == np.concatenate(expected).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(WHOLE, max_size=5), st.lists(WHOLE, max_size=4), st.integers(2, 6), st.integers(0, 9))
def test_every_epoch_holds_its_units_and_every_batch_its_places(samples, pairs, size, seed):
    shares = [*samples, *pairs]
    if not sum(shares):
        return
    order = Order(samples, pairs, size, seed)
    batches = [order.batch(number) for number in range(40)]
    stream = [unit for batch in batches for unit in batch]
    length = int(sum(shares))
    for start in range(0, len(stream) - length + 1, length):
        assert Counter(stream[start : start + length]) == {unit: int(s) for unit, s in enumerate(shares) if s}
    for batch, following in pairwise(batches):
        places = sum(filled(unit, len(samples)) for unit in batch)
        # a place stays empty only where a pair is next and does not fit
        assert places == size or (places == size - 1 and following[0] >= len(samples))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=5),
    st.lists(st.floats(0, 2), max_size=3),
    st.permutations(range(12)),
)
def test_a_batch_depends_on_its_number_alone(samples, pairs, numbers):
    if sum(samples) + sum(pairs) < 1:
        return
    straight, jumping = Order(samples, pairs, 3, 1), Order(samples, pairs, 3, 1)
    expected = [straight.batch(number) for number in range(12)]
    assert [jumping.batch(number) for number in numbers] == [expected[number] for number in numbers]


def test_fractions_of_a_share_are_drawn_in_the_mean():
    shares, pairs = [0.25, 1.5, 0.0, 2.0], [0.75]
    order = Order(shares, pairs, 9, seed=2)
    drawn = Counter(unit for number in range(800) for unit in order.batch(number))
    epochs = drawn[3] / 2
    for unit, share in enumerate([*shares, *pairs]):
        assert drawn[unit] / epochs == pytest.approx(share, abs=4 * 0.5 / np.sqrt(epochs))
    assert drawn[2] == 0


@pytest.mark.parametrize(
    ("samples", "pairs", "size", "sentence"),
    [
        ([0.0, 0.0], [], 4, "at least one sample or pair"),
        ([0.5], [0.2], 4, "at least one sample or pair, not 0.7"),
        ([1.0, -1.0], [1.0], 4, "number of at least 0"),
        ([float("nan")], [], 4, "number of at least 0"),
        ([1.0], [1.0], 1, "batch_size must be at least 2"),
    ],
)
def test_shares_that_make_no_batches_are_refused(samples, pairs, size, sentence):
    with pytest.raises(ThrongError, match=sentence):
        Order(samples, pairs, size, 0)
