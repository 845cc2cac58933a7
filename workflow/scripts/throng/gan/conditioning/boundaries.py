"""Which class a number of people is: cuts between the training images' counts.

Source: own; the cuts minimise the balanced mean absolute difference of classes, which splits into one minimisation per
cut because |a - b| of ordered classes is the number of cuts between them.
"""

from __future__ import annotations

import numpy as np


def count_boundaries(counts: np.ndarray, classes: np.ndarray, number: int) -> np.ndarray:
    """Return the (number - 1,) float64 cuts, not falling, between the counts (N,) of images of ``classes`` (N,) int.

    A count is of class k where k cuts lie below it (:func:`class_of`). The cuts lead to the least mean absolute
    difference of classes, every class weighing the same; of equally good ones the middle one is taken. Between the
    counts of images that two classes share none of, a cut is halfway. The cuts of a class without images may coincide.
    """
    counts, classes = np.asarray(counts, np.float64), np.asarray(classes, int)
    different = np.unique(counts)
    between = (different[1:] + different[:-1]) / 2
    candidates = np.concatenate([[different[0] - 0.5], between, [different[-1] + 0.5]])
    sizes = np.maximum(np.bincount(classes, minlength=number), 1)
    below = np.stack(
        [np.searchsorted(np.sort(counts[classes == one]), candidates) / sizes[one] for one in range(number)]
    )
    share = np.bincount(classes, minlength=number) / sizes
    cuts: list[float] = []
    for cut in range(number - 1):
        # emptier classes above the cut, and fuller ones below it
        wrong = (share[: cut + 1, None] - below[: cut + 1]).sum(0) + below[cut + 1 :].sum(0)
        best = np.flatnonzero(wrong <= wrong.min() + 1e-12)
        cuts.append(float(candidates[best[(len(best) - 1) // 2]]))
    return np.maximum.accumulate(np.array(cuts))


def class_of(counts: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Return the class, 0 the emptiest, of each of some counts: how many cuts lie below it."""
    return np.searchsorted(cuts, counts, side="left")
