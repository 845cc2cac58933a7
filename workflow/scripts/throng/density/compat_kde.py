"""The kernel density of sg3-crowd-density, whose kernel of half a pixel makes it an island round every person.

The original evaluates, at every pixel, exp(log(sum exp(-d^2 / (2 h^2))) - log(2 pi h^2) - log N) in float64 with
h = 0.5 and N people, by scikit-learn's ``KernelDensity``, whose default tolerances are zero. The sum, a log-sum-exp,
cannot underflow, but the last exp does some 19 pixels from the nearest person, and there the island ends.
"""

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

_BANDWIDTH = 0.5
_REACH = 20  # pixels; from there on a person adds less than e^-55 of what is positive in float64
_SHIFT = 372.0  # keeps exp(_SHIFT - d^2 / (2 h^2)) a normal number as far as it matters, so that sums need no log
_LINE = np.exp(_SHIFT / 2 - np.arange(-_REACH, _REACH + 1) ** 2 / (2 * _BANDWIDTH**2))
_STAMP = np.outer(_LINE, _LINE)
_LOG_PEAK = -np.log(2 * np.pi * _BANDWIDTH**2)


def densest(centres: np.ndarray, width: int, height: int) -> float | None:
    """Return the largest mean density among the 4-connected components of pixels where the density is positive.

    ``centres`` (N, 2) are whole x, y in pixels, N >= 1. The density integrates to one over the plane, per square pixel.
    None when it is positive at no pixel of the image. Cost grows with the people, not with the image.
    """
    size = np.array([width, height])
    near = ((centres > -1 - _REACH) & (centres < size + _REACH)).all(1)
    places, people = np.unique(centres[near].astype(np.int64), axis=0, return_counts=True)
    means = [_densest(places[group], people[group], len(centres), size) for group in _groups(places)]
    return max((mean for mean in means if mean is not None), default=None)


def _groups(places: np.ndarray) -> list[np.ndarray]:
    """Return the indices of places (M, 2) in groups whose islands cannot touch."""
    if not len(places):
        return []
    pairs = KDTree(places).query_pairs(2 * _REACH + 1, p=np.inf, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(places),) * 2)
    group = connected_components(graph, directed=False)[1]
    return np.split(np.argsort(group, kind="stable"), np.bincount(group).cumsum()[:-1])


def _densest(places: np.ndarray, people: np.ndarray, total: int, size: np.ndarray) -> float | None:
    start = np.maximum(places.min(0) - _REACH, 0)
    stop = np.minimum(places.max(0) + _REACH + 1, size)
    shifted = np.zeros((stop - start)[::-1])
    for (x, y), times in zip(places, people, strict=True):
        left, top = np.maximum([x - _REACH, y - _REACH], start)
        right, bottom = np.minimum([x + _REACH + 1, y + _REACH + 1], stop)
        stamp = _STAMP[top - y + _REACH : bottom - y + _REACH, left - x + _REACH : right - x + _REACH]
        shifted[top - start[1] : bottom - start[1], left - start[0] : right - start[0]] += times * stamp
    with np.errstate(divide="ignore"):
        density = np.exp(np.log(shifted) - _SHIFT + _LOG_PEAK - np.log(total))
    label = ndimage.label(density > 0)[0].ravel()  # pyright: ignore[reportIndexIssue]
    sums, pixels = np.bincount(label, density.ravel()), np.bincount(label)
    return float((sums[1:] / pixels[1:]).max()) if len(pixels) > 1 else None
