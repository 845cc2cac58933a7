"""Near-duplicates among many fingerprints, found without comparing all with all.

Two fingerprints that differ in at most k bits agree in one of k + 1 bands (the pigeonhole principle; Manku, Jain and
Das Sarma, "Detecting Near-Duplicates for Web Crawling", WWW 2007), so only those that share a band are compared.
"""

import itertools

import numpy as np
from numba import njit

from throng.popcount import ones

BITS = 64


def first_alike(
    fingerprints: np.ndarray, vectors: np.ndarray, counts: np.ndarray, bits: int, distance: float
) -> np.ndarray:
    """Return for each of N images the index of the first kept one that it nearly repeats, -1 where it is kept itself.

    Images are taken in their order. One repeats a kept one when their ``fingerprints`` (N,) uint64 differ in at most
    ``bits``, their features (N, D) float32 of unit length by at most ``distance`` (1 - cosine), and their exact
    ``counts`` (N,) int64, -1 for an unknown one, do not differ: two known counts are two scenes.
    """
    edges = np.linspace(0, BITS, bits + 2).round().astype(np.int64)
    fingerprints = np.ascontiguousarray(fingerprints, np.uint64)
    keys = np.empty((bits + 1, len(fingerprints)), np.int64)
    widest = 1
    for band, (low, high) in enumerate(itertools.pairwise(edges.tolist())):
        values = (fingerprints >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        found, keys[band] = np.unique(values, return_inverse=True)
        widest = max(widest, len(found))
    return _first_alike(
        fingerprints, keys, widest, np.ascontiguousarray(vectors, np.float32), counts.astype(np.int64), bits, distance
    )


@njit(cache=True)
def _apart(first, second):
    cosine = 0.0
    for place in range(len(first)):
        cosine += first[place] * second[place]
    return 1 - cosine


@njit(cache=True)
def _first_alike(fingerprints, keys, widest, vectors, counts, bits, distance):
    bands, number = keys.shape
    heads = np.full((bands, widest), -1, np.int64)
    following = np.full((bands, number), -1, np.int64)
    answer = np.full(number, -1, np.int64)
    for index in range(number):
        best = number
        for band in range(bands):
            other = heads[band, keys[band, index]]
            while other >= 0:
                if (
                    other < best
                    and (counts[index] < 0 or counts[other] < 0 or counts[index] == counts[other])
                    and ones(fingerprints[index] ^ fingerprints[other]) <= bits
                    and _apart(vectors[index], vectors[other]) <= distance
                ):
                    best = other
                other = following[band, other]
        if best < number:
            answer[index] = best
            continue
        for band in range(bands):
            following[band, index] = heads[band, keys[band, index]]
            heads[band, keys[band, index]] = index
    return answer
