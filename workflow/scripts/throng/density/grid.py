"""Cells around people: how many stand in the cell of each, and which cells hang together.

A lattice of fixed cells cannot measure crowding soundly: when a crowd contracts, two people of one cell can end up on
either side of a border, and the number of people per cell falls. So a cell is centred on every person. Whoever is in
somebody's cell stays in it while distances shrink, hence no cell's number of people ever falls; and whoever joins the
person with the fullest cell has a cell that is fuller by one.
"""

from dataclasses import dataclass

import numpy as np

from throng.compiled import compiled
from throng.density.crowd import Crowd
from throng.density.floor import floor_of
from throng.density.people import SPACING
from throng.errors import ThrongError

CELL_BODIES = (2.0, 0.5)
CELL_M = 3.0
PEOPLE_PER_CELL = "people per cell"
PEOPLE_PER_M2 = "people/m2"
NO_POSITIONS = "no positions: nobody knows where the people of this image are"
NO_SCALE = "no scale: nothing tells how tall the people of this image appear"
CIRCULAR = "no scale: body heights were guessed from how far apart people are, so that every crowd would be as dense"
# Equal distances must stay equal when an image is resized, in spite of rounding.
SLACK = 1 + 1e-9
CORNERS = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])


@dataclass(frozen=True)
class Cells:
    """The cells of M people: ``corners`` (M, 4, 2) float64 pixels and ``people`` (M,) int64 who stand in each.

    ``component`` (M,) int64 numbers the connected components, 0 the one of most people; two people are connected when
    one stands in the other's cell. A cell of n people has the value n / ``area`` in ``unit``. ``flags`` say on what
    assumption the cells rest; without cells a ``reason`` says why nobody can tell, "short kind: detail".
    """

    corners: np.ndarray
    people: np.ndarray
    component: np.ndarray
    area: float
    unit: str
    flags: tuple[str, ...] = ()
    reason: str = ""

    @property
    def values(self) -> np.ndarray:
        """Return each cell's value, (M,) float64, in ``unit``."""
        return self.people / self.area

    @property
    def largest(self) -> np.ndarray:
        """Tell of each person whether he is in the component of most people, (M,) bool."""
        return self.component == 0


def cells(method: str, crowd: Crowd) -> Cells:
    """Return the cells of a window's people, by the method ``grid`` or ``grid-metres``.

    ``grid``: two body heights wide and half a body height high, of the body height of who stands in the middle.
    ``grid-metres``: 3 m by 3 m of ground. Raises ThrongError for a method that has no cells.
    """
    if method not in ("grid", "grid-metres"):
        raise ThrongError(f"the method {method!r} has no cells; grid and grid-metres have")
    if method == "grid":
        return _by_bodies(crowd)
    return _by_metres(crowd)


def lacks(crowd: Crowd) -> str:
    """Return why nobody can tell how far apart a window's people are, empty when it can be told."""
    if crowd.heads is None:
        return NO_POSITIONS if crowd.count else ""
    if len(crowd.heads) and crowd.feet is None:
        return NO_SCALE
    return CIRCULAR if len(crowd.heads) and crowd.scale == SPACING else ""


def _none(area: float, unit: str, reason: str) -> Cells:
    return Cells(np.zeros((0, 4, 2)), np.zeros(0, np.int64), np.zeros(0, np.int64), area, unit, (), reason)


def _by_bodies(crowd: Crowd) -> Cells:
    reason = lacks(crowd)
    if reason or crowd.feet is None or len(crowd.feet) == 0:
        return _none(1.0, PEOPLE_PER_CELL, reason)
    if crowd.heights is None:
        return _none(1.0, PEOPLE_PER_CELL, NO_SCALE)
    sides = crowd.heights[:, None] * np.array(CELL_BODIES)
    people, component = _gather(crowd.feet, sides)
    return Cells(crowd.feet[:, None] + CORNERS * sides[:, None], people, component, 1.0, PEOPLE_PER_CELL)


def _by_metres(crowd: Crowd) -> Cells:
    reason = lacks(crowd)
    if reason or crowd.feet is None or len(crowd.feet) == 0:
        return _none(CELL_M**2, PEOPLE_PER_M2, reason)
    floor = floor_of(crowd)
    if floor is None:
        return _none(CELL_M**2, PEOPLE_PER_M2, NO_SCALE)
    metres = floor.to_metres(crowd.feet)
    people, component = _gather(metres, np.full((len(metres), 2), CELL_M))
    corners = floor.to_pixels((metres[:, None] + CORNERS * CELL_M).reshape(-1, 2)).reshape(-1, 4, 2)
    return Cells(corners, people, component, CELL_M**2, PEOPLE_PER_M2, floor.flags)


def _gather(places: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    halves = np.asarray(sides, np.float64) / 2 * SLACK
    people, root = _count(np.asarray(places, np.float64), halves)
    _, first, member, size = np.unique(root, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(first), np.int64)
    rank[np.lexsort((first, -size))] = np.arange(len(first))
    return people, rank[member]


@compiled
def _count(places: np.ndarray, halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many people stand in each one's cell, himself included, and the root of each one's component."""
    n = len(places)
    people, parent = np.ones(n, np.int64), np.arange(n)
    for i in range(n):
        for j in range(i):
            dx, dy = abs(places[i, 0] - places[j, 0]), abs(places[i, 1] - places[j, 1])
            in_i = dx <= halves[i, 0] and dy <= halves[i, 1]
            in_j = dx <= halves[j, 0] and dy <= halves[j, 1]
            people[i] += in_i
            people[j] += in_j
            if in_i or in_j:
                _join(parent, i, j)
    for i in range(n):
        parent[i] = _root(parent, i)
    return people, parent


@compiled
def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def _join(parent: np.ndarray, i: int, j: int) -> None:
    first, second = _root(parent, i), _root(parent, j)
    parent[max(first, second)] = min(first, second)
