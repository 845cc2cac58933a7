"""Which patches of an image are judged: cells of a grid that an edit painted, and cells that nothing came near."""

from collections.abc import Iterable, Sequence

import numpy as np

from throng.tables.detections import Detection

PAINTED_SHARE = 0.5
PERSON_MARGIN = 0.15


def painted_cells(mask: np.ndarray, side: int) -> np.ndarray:
    """Return the (N, 2) row and column of the cells, ``side`` pixels square, of which a mask covers half or more."""
    return np.argwhere(_shares(mask, side) >= PAINTED_SHARE)


def untouched_cells(masks: Iterable[np.ndarray], side: int) -> np.ndarray:
    """Return the (N, 2) row and column of the cells in which none of one or more (H, W) masks has a pixel."""
    touched = np.logical_or.reduce([_shares(mask, side) > 0 for mask in masks])
    return np.argwhere(~touched)


def crowd(people: Sequence[Detection], height: int, width: int) -> np.ndarray:
    """Return the (height, width) bool mask of all detected people's boxes, grown by a margin."""
    mask = np.zeros((height, width), bool)
    for person in people:
        grow_x, grow_y = PERSON_MARGIN * person["w"], PERSON_MARGIN * person["h"]
        top, bottom = person["y"] - grow_y, person["y"] + person["h"] + grow_y
        left, right = person["x"] - grow_x, person["x"] + person["w"] + grow_x
        mask[max(int(top), 0) : max(int(bottom) + 1, 0), max(int(left), 0) : max(int(right) + 1, 0)] = True
    return mask


def choose(cells: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Return at most ``number`` of the cells, in their order."""
    if len(cells) <= number:
        return cells
    return cells[np.sort(rng.choice(len(cells), number, replace=False))]


def cut(image: np.ndarray, cells: np.ndarray, side: int) -> np.ndarray:
    """Return the (N, side, side, 3) patches of an (H, W, 3) image at these cells."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    grid = image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    return grid[cells[:, 0], cells[:, 1]]


def _shares(mask: np.ndarray, side: int) -> np.ndarray:
    rows, columns = mask.shape[0] // side, mask.shape[1] // side
    whole = mask[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return whole.mean(axis=(1, 3)) if whole.size else np.zeros((rows, columns))
