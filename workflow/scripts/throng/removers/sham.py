"""Where sham edits go: the areas of removed people, moved to where nobody stands, so that the count stays the same.

People whose areas touch move together as long as there is room for them, else one by one. An area stays in its own
rows where it can, else as near to them as it finds room: there the ground is as far away, and its size as plausible.
"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from throng.removers.masks import Patch, Scene, union

DRAWS = 4
CELLS = 256  # along the longer side of the grid on which free places are searched


@dataclasses.dataclass(frozen=True, eq=False)
class Sham:
    """The moved margins and the moved bodies, both (H, W) bool."""

    mask: np.ndarray
    bodies: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Area:
    """Some people's margins on the grid: the first cell's row and column, and which cells from there on they touch."""

    people: Sequence[int]
    row: int
    column: int
    cells: np.ndarray


def move(
    scene: Scene, people: Sequence[int], generator: np.random.Generator, others: np.ndarray | None = None
) -> Sham | None:
    """Return the areas of these people moved so that they meet neither anybody's halo nor each other.

    ``others`` (H, W) bool is where else nothing may go.

    Places are drawn, the largest area's first; after ``DRAWS`` draws without room for all the answer is None.
    """
    size = scene.height, scene.width
    cell = -(-max(size) // CELLS)
    everybody = union(scene.halos, *size)
    if others is not None:
        everybody |= others
    # cells that the image's edge cuts are no place to move to
    taken = _cells(everybody, cell)[: size[0] // cell, : size[1] // cell]
    groups = _touching(scene, people)
    for _ in range(DRAWS):
        moved = _place(scene, groups, taken, cell, generator)
        if moved is not None:
            margins = [_shifted(scene.margins[index], *by) for index, by in moved.items()]
            bodies = [_shifted(scene.bodies[index], *by) for index, by in moved.items()]
            return Sham(union(margins, *size), union(bodies, *size))
    return None


def _touching(scene: Scene, people: Sequence[int]) -> list[list[int]]:
    """Group people whose margins touch, the group with the largest area first."""
    mask = union((scene.margins[index] for index in people), scene.height, scene.width)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    groups: dict[int, list[int]] = {}
    for index in people:
        margin = scene.margins[index]
        groups.setdefault(int(labels[margin.window][margin.mask][0]), []).append(index)
    return [groups[label] for label in sorted(groups, key=lambda label: (-statistics[label, cv2.CC_STAT_AREA], label))]


def _place(
    scene: Scene, groups: Sequence[list[int]], taken: np.ndarray, cell: int, generator: np.random.Generator
) -> dict[int, tuple[int, int]] | None:
    """Return by how many (rows, columns) of pixels each person's area moves, or None where one finds no room."""
    taken = taken.copy()
    moved: dict[int, tuple[int, int]] = {}
    waiting = [*groups]
    while waiting:
        area = _area(scene, waiting.pop(0), cell)
        place = _free_place(taken, area, generator)
        if place is not None:
            row, column = place
            moved |= dict.fromkeys(area.people, ((row - area.row) * cell, (column - area.column) * cell))
            rows, columns = area.cells.shape
            taken[row : row + rows, column : column + columns] |= area.cells
        elif len(area.people) > 1:
            waiting = [[index] for index in area.people] + waiting
        else:
            return None
    return moved


def _area(scene: Scene, people: Sequence[int], cell: int) -> Area:
    margins = [scene.margins[index] for index in people]
    row, column = min(one.top for one in margins) // cell, min(one.left for one in margins) // cell
    rows = max(one.window[0].stop for one in margins) - row * cell
    columns = max(one.window[1].stop for one in margins) - column * cell
    near = [_shifted(one, -row * cell, -column * cell) for one in margins]
    return Area(people, row, column, _cells(union(near, rows, columns), cell))


def _free_place(taken: np.ndarray, area: Area, generator: np.random.Generator) -> tuple[int, int] | None:
    """Return the (row, column) of a place for an area on free cells, in a row as near its own as there is one."""
    if area.cells.shape[0] > taken.shape[0] or area.cells.shape[1] > taken.shape[1]:
        return None
    met = cv2.matchTemplate(taken.astype(np.float32), area.cells.astype(np.float32), cv2.TM_CCORR)
    free = met < 0.5
    usable = np.flatnonzero(free.any(axis=1))
    if not usable.size:
        return None
    row = int(usable[np.argmin(np.abs(usable - area.row))])
    return row, int(generator.choice(np.flatnonzero(free[row])))


def _cells(mask: np.ndarray, cell: int) -> np.ndarray:
    """Return which square cells of a mask hold any pixel of it."""
    rows, columns = -(-mask.shape[0] // cell), -(-mask.shape[1] // cell)
    padded = np.zeros((rows * cell, columns * cell), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.max(padded.reshape(rows, cell, columns, cell), axis=(1, 3))


def _shifted(patch: Patch, rows: int, columns: int) -> Patch:
    return Patch(patch.top + rows, patch.left + columns, patch.mask)
