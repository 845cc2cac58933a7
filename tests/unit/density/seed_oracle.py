"""The six methods of sg3-crowd-density, one box, pair, cell and pixel at a time: slow, and plain enough to be read.

A score is None where the original stops with an error.
"""

import math

import numpy as np


class SeedError(Exception):
    """The original raises here."""


def label(method, width, height, boxes, extremes):
    """Return score and class of boxes [(x, y, w, h), ...]; (None, None) where the original stops."""
    try:
        score = SCORES[method](width, height, boxes, extremes)
    except (SeedError, ZeroDivisionError):
        return None, None
    return score, CLASSES[method](score)


def threshold(width, height, boxes, extremes):
    return len(boxes)


def normalised(width, height, boxes, extremes):
    return (len(boxes) - extremes[0]) / (extremes[1] - extremes[0])


def centroid(box):
    x0, y0, x1, y1 = (int(end) for end in corners(box))
    return (x0 + x1) // 2, (y0 + y1) // 2


def corners(box):
    x, y, w, h = box
    return x, y, x + w, y + h


def mean(values):
    return math.fsum(values) / len(values)


def euclidean(width, height, boxes, extremes):
    mean_width = mean([box[2] for box in boxes])
    centroids = [centroid(box) for box in boxes]
    distances = []
    for i in range(len(centroids)):
        for j in range(i):
            distances.append(math.dist(centroids[i], centroids[j]))
    if not distances:
        return math.nan
    if mean_width == 0:
        return math.inf if any(distances) else math.nan
    return mean(distances) / mean_width


def grid(width, height, boxes, extremes):
    mean_area = mean([w * h for _, _, w, h in boxes])
    person = 168.5 * math.sqrt(mean_area / (width * height)) if mean_area > 0 else 0
    return mean_stack(boxes, max(width / 25, height / 25, person), width, height)


def grid_metres(width, height, boxes, extremes):
    pixels_per_metre = mean([h for _, _, _, h in boxes]) / 1.685
    return mean_stack(boxes, pixels_per_metre, width, height)


def mean_stack(boxes, cell, width, height):
    columns, rows = int(width / cell), int(height / cell)
    if columns <= 0 or rows <= 0:
        raise SeedError
    occupied = {}
    for box in boxes:
        x0, y0, x1, y1 = corners(box)
        for column in sliced(int(x0 / cell), int(x1 / cell), columns):
            for row in sliced(int(y0 / cell), int(y1 / cell), rows):
                occupied[column, row] = occupied.get((column, row), 0) + 1
    return highest_mean(occupied)


def sliced(first, last, cells):
    """Python's own slice of the cells, negative ends and all."""
    return list(range(cells))[max(first, 0) : min(last, cells - 1) + 1]


def kde(width, height, boxes, extremes):
    """Gaussian kernel of half a pixel, as log-sum-exp over the people at every pixel, then exp."""
    if not boxes:
        raise SeedError
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]

    def exponent(box):
        cx, cy = centroid(box)
        return -0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / 0.5**2

    greatest = exponent(boxes[0])
    for box in boxes:
        greatest = np.maximum(greatest, exponent(box))
    log_sum = greatest + np.log(sum(np.exp(exponent(box) - greatest) for box in boxes))
    density = np.exp(log_sum - math.log(2 * math.pi * 0.5**2) - math.log(len(boxes)))
    return highest_mean({(int(j), int(i)): float(density[i, j]) for i, j in np.argwhere(density > 0)})


def highest_mean(values):
    """Return the highest mean of the values of a component; places left, right, above and below are connected."""
    means = []
    left = set(values)
    while left:
        component, border = [], [left.pop()]
        while border:
            i, j = border.pop()
            component.append(values[i, j])
            for neighbour in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if neighbour in left:
                    left.remove(neighbour)
                    border.append(neighbour)
        means.append(mean(component))
    if not means:
        raise SeedError
    return max(means)


def classes(low, high):
    return lambda score: 0 if low(score) else 2 if high(score) else 1


SCORES = {
    "threshold": threshold,
    "normalised": normalised,
    "euclidean": euclidean,
    "grid": grid,
    "grid-metres": grid_metres,
    "kde": kde,
}
CLASSES = {
    "threshold": classes(lambda n: n <= 10, lambda n: n > 30),
    "normalised": classes(lambda share: share < 0.333, lambda share: share > 0.666),
    "euclidean": classes(lambda mean: mean < 1.5, lambda mean: mean >= 3),
    "grid": classes(lambda mean: mean < 2, lambda mean: mean >= 3),
    "grid-metres": classes(lambda mean: mean < 2, lambda mean: mean >= 3),
    "kde": classes(lambda mean: mean < 2, lambda mean: mean >= 3),
}
