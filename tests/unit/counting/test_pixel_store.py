import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from throng.counting import pixel_store
from throng.counting.pixel_store import PixelStore


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=30), st.integers(0, 20_000))
def test_what_is_kept_stays_as_it_was_and_within_the_budget(shapes, budget):
    store = PixelStore(budget)
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    kept = [store.keep(array) for array in arrays]
    total = 0
    for array, copy in zip(arrays, kept, strict=True):
        assert (copy is None) == (total + array.nbytes > budget)
        if copy is not None:
            total += array.nbytes
            assert not np.shares_memory(copy, array)
            np.testing.assert_array_equal(copy, array)


def test_an_array_larger_than_a_block_is_kept_too(monkeypatch):
    monkeypatch.setattr(pixel_store, "BLOCK_BYTES", 1000)
    array = np.arange(5000, dtype=np.float32)
    copy = PixelStore(30_000).keep(array)
    assert copy is not None
    np.testing.assert_array_equal(copy, array)
