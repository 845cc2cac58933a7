"""The six density labellers as they should be: who crowds more scores more.

Every score is made of one value per person that depends on distances to others only. So two things hold of any crowd:
the score never falls when somebody joins the densest person (with that person's body height, or with the median one
where one scale holds for all), nor when distances shrink and body heights stay.

- With somebody more, nobody's value falls, and his own is at least that of whom he joins, the largest of all: neither
  the mean, nor the harmonic mean, nor a percentile of the values falls.
- With shorter distances nobody has fewer people in his cell, farther neighbours or a lower sum of Gaussians.

An empty window scores 0 by every method.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from throng.compiled import compiled
from throng.density import kde
from throng.density.crowd import Crowd, Measure
from throng.density.floor import floor_of
from throng.density.grid import NO_SCALE, Cells, cells
from throng.errors import ThrongError

NEIGHBOURS = 5
NEAREST_BODIES = 0.05
FARTHEST_BODIES = 10.0
METHODS = ("threshold", "normalised", "euclidean", "grid", "grid-metres", "kde")
NO_REFERENCE = "no reference: no image of the training split has a known number of people"


def measure(method: str, crowd: Crowd, reference: Sequence[float] | None) -> Measure:
    """Return what a method says of the people of a window.

    ``reference`` are the numbers of people of the training images, ascending; only ``normalised`` needs them.

    - ``threshold``: the number of people; ``largest`` that of the largest component of the method ``grid``.
    - ``normalised``: the share of training images with fewer people plus half of those with equally many (mid-rank).
    - ``euclidean``: 1 / mean distance to the 5 nearest people, in body heights; see :func:`nearness`.
    - ``grid``: people in the cell around a person, on average; ``overall`` people per occupied cell.
    - ``grid-metres``: the same in people per square metre, cells being 3 m x 3 m of ground.
    - ``kde``: 95th percentile over people of the density in people per square metre; ``overall`` the mean over people.

    Raises ThrongError for an unknown method. A method that cannot tell has no score and a reason.
    """
    if method == "normalised":
        return _normalised(crowd, reference)
    if method not in _ALONE:
        raise ThrongError(f"{method!r} is no labelling method; expected one of {', '.join(METHODS)}")
    return _ALONE[method](crowd)


def rank(count: float, reference: Sequence[float]) -> float:
    """Return the share of ascending ``reference`` below ``count`` plus half the share equal to it; 0 people rank 0."""
    if count == 0:
        return 0.0
    return (bisect_left(reference, count) + bisect_right(reference, count)) / (2 * len(reference))


def nearness(distances: np.ndarray) -> float:
    """Return 1 / the mean of people's mean distances to their neighbours, per body height; 0 where nobody is."""
    return float(1 / distances.mean()) if len(distances) else 0.0


def neighbour_distances(feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return each person's mean distance to the 5 nearest feet, (N,) float64, in his own body heights.

    A distance counts as 0.05 at least, so that a score is finite, and as 10 at most; so does each neighbour who is
    missing where there are fewer than 5, since a mean over fewer would rise when a far one joins.
    """
    return _distances(np.ascontiguousarray(feet, np.float64), np.ascontiguousarray(heights, np.float64))


def _threshold(crowd: Crowd) -> Measure:
    return Measure(float(crowd.count), _largest_group(crowd), float(crowd.count))


def _normalised(crowd: Crowd, reference: Sequence[float] | None) -> Measure:
    if not reference:
        return Measure(None, reason=NO_REFERENCE) if crowd.count else Measure(0.0, 0.0, 0.0)
    group, score = _largest_group(crowd), rank(crowd.count, reference)
    return Measure(score, None if group is None else rank(group, reference), score)


def _largest_group(crowd: Crowd) -> float | None:
    found = cells("grid", crowd)
    return None if found.reason else float(found.largest.sum())


def _euclidean(crowd: Crowd) -> Measure:
    found = cells("grid", crowd)
    if found.reason:
        return Measure(None, reason=found.reason)
    if crowd.feet is None or crowd.heights is None or len(crowd.feet) == 0:
        return Measure(0.0, 0.0, 0.0)
    distances = neighbour_distances(crowd.feet, crowd.heights)
    score = nearness(distances)
    return Measure(score, nearness(distances[found.largest]), score)


def _grid(crowd: Crowd) -> Measure:
    return _by_cells(cells("grid", crowd))


def _grid_metres(crowd: Crowd) -> Measure:
    return _by_cells(cells("grid-metres", crowd))


def _by_cells(found: Cells) -> Measure:
    if found.reason:
        return Measure(None, reason=found.reason)
    if len(found.people) == 0:
        return Measure(0.0, 0.0, 0.0)
    value = found.values
    # One of n people in a cell takes an n-th of it, so together they take this many cells of value 1.
    occupied = float((1 / value).sum())
    return Measure(float(value.mean()), float(value[found.largest].mean()), len(value) / occupied, found.flags)


def _kde(crowd: Crowd) -> Measure:
    found = cells("grid-metres", crowd)
    if found.reason:
        return Measure(None, reason=found.reason)
    if crowd.feet is None or len(crowd.feet) == 0:
        return Measure(0.0, 0.0, 0.0)
    floor = floor_of(crowd)
    if floor is None:
        return Measure(None, reason=NO_SCALE)
    density = kde.at_people(floor.to_metres(crowd.feet))
    return Measure(kde.score(density), kde.score(density[found.largest]), float(density.mean()), floor.flags)


_ALONE: dict[str, Callable[[Crowd], Measure]] = {
    "threshold": _threshold,
    "euclidean": _euclidean,
    "grid": _grid,
    "grid-metres": _grid_metres,
    "kde": _kde,
}


@compiled
def _distances(feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    mean, best = np.empty(len(feet)), np.empty(NEIGHBOURS)
    for i in range(len(feet)):
        best[:] = (FARTHEST_BODIES * heights[i]) ** 2
        for j in range(len(feet)):
            square = (feet[i, 0] - feet[j, 0]) ** 2 + (feet[i, 1] - feet[j, 1]) ** 2
            if j == i or square >= best[NEIGHBOURS - 1]:
                continue
            place = NEIGHBOURS - 1
            while place > 0 and best[place - 1] > square:
                best[place] = best[place - 1]
                place -= 1
            best[place] = square
        mean[i] = np.maximum(np.sqrt(best) / heights[i], NEAREST_BODIES).mean()
    return mean
