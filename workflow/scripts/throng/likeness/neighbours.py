"""Which of many hashes lie near another, exactly, without comparing all with all.

Two hashes of 64 bits that differ in at most k bits differ in at most k // 4 bits in one of their four 16-bit words, so
only entries of the words within that radius are compared (Norouzi, Punjani and Fleet, "Fast Search in Hamming Space
with Multi-Index Hashing", CVPR 2012).
"""

import dataclasses
import itertools
from functools import partial
from typing import Self

import numpy as np

from throng.compiled import compiled
from throng.popcount import ones

WORDS = 4
WORD_BITS = 16
FAR = 65  # more bits than a hash has

kernel = partial(compiled, nogil=True)


@dataclasses.dataclass(frozen=True)
class Index:
    """(E,) uint64 hashes ``entries`` of R ``owners`` each, and where the entries of a word's every value are."""

    entries: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, hashes: np.ndarray) -> Self:
        """Index (R, W) uint64 hashes: entry ``r * W + w`` is hash w of owner r."""
        entries = np.ascontiguousarray(hashes, np.uint64).ravel()
        order = np.empty((WORDS, len(entries)), np.int64)
        starts = np.empty((WORDS, (1 << WORD_BITS) + 1), np.int64)
        for word in range(WORDS):
            values = ((entries >> np.uint64(WORD_BITS * word)) & np.uint64(0xFFFF)).astype(np.int64)
            order[word] = np.argsort(values, kind="stable")
            starts[word] = np.searchsorted(values[order[word]], np.arange((1 << WORD_BITS) + 1))
        return cls(entries, order, starts)


@dataclasses.dataclass(frozen=True)
class Held:
    """The hashes of R images that others are held against: (R, 1 + W) uint64, a mirror image's and W windows'."""

    hashes: np.ndarray
    windows: Index
    wholes: Index

    @classmethod
    def of(cls, hashes: np.ndarray) -> Self:
        """Index what :func:`throng.likeness.hashes.hashes_of` gave for each image."""
        return cls(hashes, Index.of(hashes[:, 1:]), Index.of(hashes[:, [1, 0]]))


@dataclasses.dataclass(frozen=True)
class Near:
    """Pairs of an image looked up and one held, by both indices: bits, and which hashes of the two lie nearest.

    ``mirrored`` is whether one of the two is; ``window`` is the one of the held image that the other shows whole or,
    where ``within``, the one of the image that the held image is seen whole in.
    """

    looked_up: np.ndarray
    held: np.ndarray
    bits: np.ndarray
    mirrored: np.ndarray
    within: np.ndarray
    window: np.ndarray


def near(hashes: np.ndarray, held: Held, distance: int, most: int) -> Near:
    """Return the at most ``most`` nearest held images within ``distance`` bits of each of (Q, 1 + W) uint64 hashes.

    The whole image and its mirror image are compared with every window of what is held, and every window with what is
    held, whole and mirrored; the least difference counts. Pairs are by image looked up, bits, index of what is held.
    """
    masks = _masks(distance // WORDS)
    number, images = len(hashes), len(held.hashes)
    found = np.full((number, most), -1, np.int64)
    bits = np.full((number, most), FAR, np.int64)
    codes = np.zeros((number, most), np.int64)
    if number and images:
        one, two = held.windows, held.wholes
        _near(
            np.ascontiguousarray(hashes, np.uint64), images,
            one.entries, one.order, one.starts, two.entries, two.order, two.starts,
            masks, distance, found, bits, codes,
        )  # fmt: skip
    rows, places = np.nonzero(found >= 0)
    code, windows = codes[rows, places], hashes.shape[1] - 1
    return Near(
        looked_up=rows,
        held=found[rows, places],
        bits=bits[rows, places],
        mirrored=code // windows % 2 == 1,
        within=code // windows // 2 == 1,
        window=code % windows,
    )


def _masks(radius: int) -> np.ndarray:
    """Return every 16-bit word with at most ``radius`` bits set, fewest first."""
    chosen = (bits for size in range(radius + 1) for bits in itertools.combinations(range(WORD_BITS), size))
    return np.array([sum(1 << bit for bit in bits) for bits in chosen], np.int64)


@kernel
def _look(wanted, entries, order, starts, masks, distance, per_owner, code, scale, best, codes, touched, count):
    """Note for every owner of an entry near ``wanted`` the fewest bits; return how many owners were touched so far.

    ``code + scale * (entry % per_owner)`` says which hashes they were; of equally near ones the least is kept.
    """
    if len(entries) <= 4 * len(masks):
        for entry in range(len(entries)):
            apart = ones(wanted ^ entries[entry])
            if apart <= distance:
                count = _note(entry, apart, per_owner, code, scale, best, codes, touched, count)
        return count
    for word in range(4):
        value = np.int64((wanted >> np.uint64(16 * word)) & np.uint64(0xFFFF))
        for mask in masks:
            around = value ^ mask
            for place in range(starts[word, around], starts[word, around + 1]):
                entry = order[word, place]
                apart = ones(wanted ^ entries[entry])
                if apart <= distance:
                    count = _note(entry, apart, per_owner, code, scale, best, codes, touched, count)
    return count


@kernel
def _note(entry, apart, per_owner, code, scale, best, codes, touched, count):
    owner = entry // per_owner
    said = code + scale * (entry % per_owner)
    if best[owner] == 65:
        touched[count] = owner
        count += 1
    if apart < best[owner] or (apart == best[owner] and said < codes[owner]):
        best[owner] = apart
        codes[owner] = said
    return count


@kernel
def _insert(owner, apart, code, found, bits, codes):
    """Put an owner where it belongs among the nearest, by bits and then by owner; the last falls out."""
    place = len(found)
    while place > 0 and (bits[place - 1] > apart or (bits[place - 1] == apart and found[place - 1] > owner)):
        place -= 1
        if place + 1 < len(found):
            found[place + 1], bits[place + 1], codes[place + 1] = found[place], bits[place], codes[place]
    if place < len(found):
        found[place], bits[place], codes[place] = owner, apart, code


@kernel
def _near(
    hashes, images, window_entries, window_order, window_starts, whole_entries, whole_order, whole_starts,
    masks, distance, found, bits, codes_out,
):  # fmt: skip
    windows = hashes.shape[1] - 1
    best = np.full(images, 65, np.int64)
    codes = np.zeros(images, np.int64)
    touched = np.empty(images, np.int64)
    for row in range(len(hashes)):
        count = 0
        for mirrored in range(2):
            count = _look(
                hashes[row, 1 - mirrored], window_entries, window_order, window_starts, masks, distance,
                windows, mirrored * windows, 1, best, codes, touched, count,
            )  # fmt: skip
        for window in range(1, windows):
            count = _look(
                hashes[row, 1 + window], whole_entries, whole_order, whole_starts, masks, distance,
                2, 2 * windows + window, windows, best, codes, touched, count,
            )  # fmt: skip
        for place in range(count):
            owner = touched[place]
            _insert(owner, best[owner], codes[owner], found[row], bits[row], codes_out[row])
            best[owner] = 65
