import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.likeness.neighbours import Held, near

WINDOWS = 5


def planted(seed: int, images: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Random hashes, and others of which most are those with some bits turned."""
    rng = np.random.default_rng(seed)
    held = rng.integers(0, 2**64, (images, 1 + WINDOWS), dtype=np.uint64)
    hashes = rng.integers(0, 2**64, (queries, 1 + WINDOWS), dtype=np.uint64)
    for row in range(0, queries, 2):
        turned = np.uint64(0)
        for bit in rng.choice(64, rng.integers(0, 20), replace=False).tolist():
            turned |= np.uint64(1) << np.uint64(bit)
        mine, other = rng.integers(0, 1 + WINDOWS, 2)
        hashes[row, mine] = held[rng.integers(images), other] ^ turned
    return hashes, held


def compared(hashes: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return (Q, R) fewest bits by comparing all with all: the oracle."""
    wholes = np.bitwise_count(hashes[:, None, :2, None] ^ held[None, :, None, 1:]).min((2, 3))
    windows = np.bitwise_count(hashes[:, None, 2:, None] ^ held[None, :, None, :2]).min((2, 3))
    return np.minimum(wholes, windows).astype(int)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), distance=st.integers(0, 17), images=st.sampled_from([1, 3, 2000]))
def test_finds_exactly_what_comparing_all_with_all_finds(seed: int, distance: int, images: int):
    hashes, held = planted(seed, images, 8)
    wanted = compared(hashes, held)
    found = near(hashes, Held.of(held, distance), images)
    got = np.full_like(wanted, 65)
    got[found.looked_up, found.held] = found.bits
    assert np.array_equal(got, np.where(wanted <= distance, wanted, 65))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_says_which_hashes_lie_that_near(seed: int):
    hashes, held = planted(seed, 50, 8)
    found = near(hashes, Held.of(held, 16), 50)
    for row, place, bits, mirrored, within, window in zip(
        found.looked_up, found.held, found.bits, found.mirrored, found.within, found.window, strict=True
    ):
        whole = 0 if mirrored else 1
        mine = hashes[row, 1 + window] if within else hashes[row, whole]
        other = held[place, whole] if within else held[place, 1 + window]
        assert int(np.bitwise_count(mine ^ other)) == bits


def test_the_nearest_are_kept_the_first_where_equally_near():
    held = np.full((6, 1 + WINDOWS), 2**64 - 1, np.uint64)
    held[:, 1] = [0b111, 0b1, 0b11, 0b1, 0b1, 0b0]
    hashes = np.full((1, 1 + WINDOWS), 0xF0F0F0F0F0F0F0F0, np.uint64)
    hashes[0, 1] = 0
    assert near(hashes, Held.of(held, 8), 3).held.tolist() == [5, 1, 3]


@pytest.mark.parametrize(("queries", "images"), [(0, 3), (3, 0)])
def test_nothing_is_near_nothing(queries: int, images: int):
    hashes, held = np.zeros((queries, 1 + WINDOWS), np.uint64), np.zeros((images, 1 + WINDOWS), np.uint64)
    assert len(near(hashes, Held.of(held, 10), 4).held) == 0
