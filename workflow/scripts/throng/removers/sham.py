"""Where sham edits go: the areas of removed people, moved to where nobody stands, so that the count stays the same.

People whose areas touch move together as long as there is room for them, else one by one. Areas stay at their height
in the image, or near it, because there the ground is as far away and the same size is plausible.
"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from throng.removers.masks import Patch, Scene, union

DRAWS = 4
SHIFT = 0.5  # how far an area may leave its rows, in heights of its own


@dataclasses.dataclass(frozen=True, eq=False)
class Sham:
    """The moved margins and the moved bodies, both (H, W) bool."""

    mask: np.ndarray
    bodies: np.ndarray


def move(scene: Scene, people: Sequence[int], generator: np.random.Generator) -> Sham | None:
    """Return the areas of these people moved so that they meet neither anybody's margin nor each other.

    Places are drawn, the largest area's first; after ``DRAWS`` draws without room for all the answer is None.
    """
    groups = _touching(scene, people)
    for _ in range(DRAWS):
        moved = _place(scene, groups, generator)
        if moved is not None:
            margins = [_shifted(scene.margins[index], *by) for index, by in moved.items()]
            bodies = [_shifted(scene.bodies[index], *by) for index, by in moved.items()]
            size = scene.height, scene.width
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
    scene: Scene, groups: Sequence[list[int]], generator: np.random.Generator
) -> dict[int, tuple[int, int]] | None:
    """Return by how many (rows, columns) each person's area moves, or None where one finds no room."""
    taken = union(scene.margins, scene.height, scene.width)
    moved: dict[int, tuple[int, int]] = {}
    waiting = [*groups]
    while waiting:
        group = waiting.pop(0)
        by = _free_place(taken, [scene.margins[index] for index in group], generator)
        if by is not None:
            moved |= dict.fromkeys(group, by)
            for index in group:
                area = _shifted(scene.margins[index], *by)
                taken[area.window] |= area.mask
        elif len(group) > 1:
            waiting = [[index] for index in group] + waiting
        else:
            return None
    return moved


def _free_place(taken: np.ndarray, areas: Sequence[Patch], generator: np.random.Generator) -> tuple[int, int] | None:
    """Return a move after which the frame around the areas is free, in rows as near their own as there are any."""
    top, left = min(area.top for area in areas), min(area.left for area in areas)
    rows = max(area.window[0].stop for area in areas) - top
    columns = max(area.window[1].stop for area in areas) - left
    reach = round(SHIFT * rows)
    first, last = max(top - reach, 0), min(top + reach, len(taken) - rows)
    sums = cv2.integral(taken[first : last + rows].astype(np.uint8))
    above, below = sums[: last - first + 1], sums[rows:]
    inside = below[:, columns:] - below[:, :-columns] - above[:, columns:] + above[:, :-columns]
    usable = np.flatnonzero((inside == 0).any(axis=1))
    if not usable.size:
        return None
    row = int(usable[np.argmin(np.abs(usable + first - top))])
    column = int(generator.choice(np.flatnonzero(inside[row] == 0)))
    return first + row - top, column - left


def _shifted(patch: Patch, rows: int, columns: int) -> Patch:
    return Patch(patch.top + rows, patch.left + columns, patch.mask)
