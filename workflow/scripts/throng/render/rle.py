"""Run lengths of instance masks in COCO's uncompressed form: column by column, starting with the zeros."""

import numpy as np
from numba import njit


@njit(cache=True)
def encode(instances, instance, left, width):
    """Return the run lengths, (n,) int32, of the pixels of (H, W) ``instances`` equal to ``instance``.

    The mask must lie in the columns from ``left`` to ``left + width - 1``; the lengths add up to H * W.
    """
    rows, columns = instances.shape
    runs = np.empty(width * (rows + 1) + 2, np.int32)
    count = 0
    start = 0
    inside = False
    for column in range(left, left + width):
        for row in range(rows):
            if (instances[row, column] == instance) != inside:
                runs[count] = column * rows + row - start
                start = column * rows + row
                count += 1
                inside = not inside
    end = (left + width) * rows
    if inside and end < rows * columns:
        runs[count] = end - start
        start = end
        count += 1
    runs[count] = rows * columns - start
    return runs[: count + 1].copy()


def decode(counts: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the (H, W) bool mask of run lengths."""
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T
