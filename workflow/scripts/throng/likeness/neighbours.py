"""Which of many hashes lie near another, exactly, without comparing all with all.

Cut into words, two hashes of 64 bits that differ in at most k bits differ in at most t bits of some word, for limits t
of the words whose sum is k less the number of words but one; only entries that do are compared (Norouzi, Punjani and
Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012).
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Self

import numpy as np

from throng.compiled import compiled
from throng.popcount import ones

BITS = 64
FAR = BITS + 1
WORDS = range(4, 11)  # numbers of words that are weighed
PROBE = 16  # comparisons that take as long as going to another place in memory

kernel = partial(compiled, nogil=True)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Words as (lowest bit, bits, limit); one without bits, which all agree in, where comparing with all is faster."""

    words: Sequence[tuple[int, int, int]]
    cost: float

    @classmethod
    def of(cls, entries: int, distance: int) -> Self:
        """Return the plan with the fewest expected comparisons."""
        plans = [cls([(0, 0, 0)], float(entries)), *(cls._in(number, entries, distance) for number in WORDS)]
        return min(plans, key=lambda plan: plan.cost)

    @classmethod
    def _in(cls, number: int, entries: int, distance: int) -> Self:
        edges = [round(place * BITS / number) for place in range(number + 1)]
        least, more = divmod(distance - number + 1, number)
        words = [
            (low, high - low, least + (place < more)) for place, (low, high) in enumerate(itertools.pairwise(edges))
        ]
        probes = [sum(math.comb(bits, flipped) for flipped in range(limit + 1)) for _, bits, limit in words]
        cost = sum(count * (PROBE + entries / 2**bits) for count, (_, bits, _) in zip(probes, words, strict=True))
        return cls([word for word in words if word[2] >= 0], cost)


@dataclasses.dataclass(frozen=True)
class Index:
    """E hashes and their ``numbers``, once for each of W words in the order of its values: (W * E,) each.

    ``shifts`` and ``ones`` (W,) cut a word out. What its value may be changed by are ``masks``, from ``mask_starts``
    (W + 1,) on; the hashes of a value begin at ``value_starts``, where from ``words`` (W,) on its values are.
    """

    entries: np.ndarray
    numbers: np.ndarray
    shifts: np.ndarray
    ones: np.ndarray
    masks: np.ndarray
    mask_starts: np.ndarray
    value_starts: np.ndarray
    words: np.ndarray

    @classmethod
    def of(cls, hashes: np.ndarray, distance: int) -> Self:
        """Index (R, W) uint64 hashes: entry ``r * W + w`` is hash w of owner r."""
        entries = np.ascontiguousarray(hashes, np.uint64).ravel()
        words = Plan.of(len(entries), distance).words
        numbers, masks, value_starts = [], [], []
        for place, (low, bits, limit) in enumerate(words):
            values = ((entries >> np.uint64(low)) & np.uint64((1 << bits) - 1)).astype(np.int64)
            order = np.argsort(values, kind="stable")
            numbers.append(order)
            masks.append(_masks(bits, limit))
            begin = np.searchsorted(values[order], np.arange((1 << bits) + 1))
            value_starts.append(begin + place * len(entries))
        order = np.concatenate(numbers)
        return cls(
            entries=entries[order],
            numbers=order,
            shifts=np.array([low for low, _, _ in words], np.uint64),
            ones=np.array([(1 << bits) - 1 for _, bits, _ in words], np.uint64),
            masks=np.concatenate(masks),
            mask_starts=np.cumsum([0, *map(len, masks)]),
            value_starts=np.concatenate(value_starts),
            words=np.cumsum([0, *map(len, value_starts)])[:-1],
        )

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All arrays, for compiled code."""
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))


@dataclasses.dataclass(frozen=True)
class Held:
    """The hashes of R images that others are held against: (R, 1 + W) uint64, a mirror image's and W windows'."""

    images: int
    distance: int
    windows: Index
    wholes: Index

    @classmethod
    def of(cls, hashes: np.ndarray, distance: int) -> Self:
        """Index what :func:`throng.likeness.hashes.hashes_of` gave for each image, to find what is that near."""
        return cls(len(hashes), distance, Index.of(hashes[:, 1:], distance), Index.of(hashes[:, [1, 0]], distance))


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


def near(hashes: np.ndarray, held: Held, most: int) -> Near:
    """Return the at most ``most`` nearest images of ``held`` within its distance of each of (Q, 1 + W) uint64 hashes.

    The whole image and its mirror image are compared with every window of what is held, and every window with what is
    held, whole and mirrored; the least difference counts. Pairs are by image looked up, bits, index of what is held.
    """
    found = np.full((len(hashes), most), -1, np.int64)
    bits = np.full((len(hashes), most), FAR, np.int64)
    codes = np.zeros((len(hashes), most), np.int64)
    if len(hashes) and held.images:
        looked_up = np.ascontiguousarray(hashes, np.uint64)
        _near(looked_up, held.images, held.windows.arrays, held.wholes.arrays, held.distance, found, bits, codes)
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


def _masks(bits: int, limit: int) -> np.ndarray:
    """Return every word of so many bits with at most ``limit`` of them set, fewest first."""
    chosen = (places for size in range(limit + 1) for places in itertools.combinations(range(bits), size))
    return np.array([sum(1 << place for place in places) for places in chosen], np.int64)


@kernel
def _look(wanted, index, distance, per_owner, code, scale, best, codes, touched, count):
    """Note for every owner of an entry near ``wanted`` the fewest bits; return how many owners were touched so far.

    ``code + scale * (entry % per_owner)`` says which hashes they were; of equally near ones the least is kept.
    """
    entries, numbers, shifts, every, masks, mask_starts, value_starts, words = index
    for word in range(len(shifts)):
        value = np.int64((wanted >> shifts[word]) & every[word])
        for changed in range(mask_starts[word], mask_starts[word + 1]):
            around = words[word] + (value ^ masks[changed])
            for place in range(value_starts[around], value_starts[around + 1]):
                apart = ones(wanted ^ entries[place])
                if apart <= distance:
                    owner = numbers[place] // per_owner
                    said = code + scale * (numbers[place] % per_owner)
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
def _near(hashes, images, window_index, whole_index, distance, found, bits, said):
    windows = hashes.shape[1] - 1
    best = np.full(images, 65, np.int64)
    codes = np.zeros(images, np.int64)
    touched = np.empty(images, np.int64)
    for row in range(len(hashes)):
        count = 0
        for mirrored in range(2):
            count = _look(
                hashes[row, 1 - mirrored], window_index, distance, windows, mirrored * windows, 1, best, codes, touched,
                count,
            )  # fmt: skip
        for window in range(1, windows):
            count = _look(
                hashes[row, 1 + window], whole_index, distance, 2, 2 * windows + window, windows, best, codes, touched,
                count,
            )  # fmt: skip
        for place in range(count):
            owner = touched[place]
            _insert(owner, best[owner], codes[owner], found[row], bits[row], said[row])
            best[owner] = 65
