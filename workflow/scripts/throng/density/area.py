"""People per square metre: over the ground that they occupy, around each of them, and as a map.

The ground that people occupy is all that lies within 3 m of one of them, as far as the window shows it: the union of
discs around their places, cut to where a person's head would be in the window. So nobody needs to know where one could
walk; empty pavement does not dilute a crowd, and the edge of a window does not thin it. A lone person has 28 m2. On
rendered scenes a radius of 3 to 6 m ranks crowds as people over all walkable ground does (Spearman 0.95 to 0.96), one
of 1 m less well (0.84); the wider it is, the more the ground around a compact crowd dilutes it, so it is 3 m.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.special import ndtri

from throng.density import kde
from throng.density.crowd import Crowd
from throng.density.floor import Floor
from throng.density.ground import HEAD_CENTRE, LEAST_ABOVE, Ground
from throng.density.people import DETECTED, HEADS
from throng.density.plane import NORMAL_95

RADIUS_M = 3.0
DENSITY_BY_TILT = 1.1  # by how much the logarithm of the density is too large, per squared radian; see docs/ground.md
STATURES = 0.05  # standard deviation of adults' statures, relative
GOLDEN = (5**0.5 - 1) / 2
CELLS = 10  # of a disc's radius


@dataclass(frozen=True)
class PeoplePerArea:
    """People per square metre of the ground that they occupy, ``area_m2``, with an interval of 95 %.

    ``p95`` is the 95th percentile over the people of the density around each, a Gaussian of 1 m on the ground.
    """

    people_per_m2: float
    low: float
    high: float
    p95: float
    area_m2: float


def people_per_m2(crowd: Crowd) -> PeoplePerArea | None:
    """Return the density of a window's people on their ground, None where nobody knows the ground; nobody is none.

    The interval follows the camera's: the density is taken anew one standard deviation to either side of everything
    that determines the ground, and the changes of its logarithm are added in squares; so is what people's different
    statures do where only heads tell where they stand. Downwards it reaches as far as for a camera that is not level.
    """
    if crowd.ground is None or crowd.heads is None or crowd.feet is None or len(crowd.feet) == 0:
        return None
    area = occupied_m2(crowd.ground, crowd.feet, crowd.width, crowd.height)
    doubts = [_doubt(crowd, low, high) for low, high in crowd.ground.alternatives()]
    around = NORMAL_95 * math.hypot(*doubts, _scatter(crowd, crowd.ground, area))
    density = len(crowd.feet) / area
    p95 = kde.score(kde.at_people(Floor(crowd.ground, 0.0).to_metres(crowd.feet)))
    tilted = DENSITY_BY_TILT * crowd.ground.spread.tilt**2
    return PeoplePerArea(density, density * math.exp(-around - tilted), density * math.exp(around), p95, area)


def per_m2(crowd: Crowd, step: int | None = None) -> np.ndarray:
    """Return the map of people per square metre, (h, w) float32 blocks of ``step`` pixels; see :func:`kde.field`."""
    return kde.field(crowd, step=step).per_m2


def occupied_m2(ground: Ground, feet: np.ndarray, width: int, height: int) -> float:
    """Return the square metres within 3 m of (N, 2) foot pixels that a window of ``width`` x ``height`` pixels shows.

    A place is shown when the head of a person of mean stature there is in the window. Everybody has at least the cell
    of ground he stands in. Counted in cells of a tenth of the radius.
    """
    cell = RADIUS_M / CELLS
    above = ground.camera_height_m - HEAD_CENTRE * ground.stature_m
    sides = np.array([-0.5, width - 0.5, -0.5, height - 0.5]) - np.repeat((ground.centre, ground.horizon), 2)
    sides /= ground.focal_px
    metres = Floor(ground, 0.0).to_metres(feet)
    return _union(metres / cell, CELLS, sides, above / cell, math.cos(ground.tilt), math.sin(ground.tilt)) * cell**2


@njit(cache=True)
def _union(standing: np.ndarray, radius: int, sides: np.ndarray, above: float, cos: float, sin: float) -> int:
    """Count the cells of 1 x 1 within ``radius`` of (N, 2) places that a camera sees at ``above`` below its height.

    ``sides`` are the window's left, right, upper and lower edge as seen from the point on the horizon above its foot,
    over the focal length; ``cos`` and ``sin`` are those of the tilt.
    """
    drop = above / cos
    total = 0
    near = np.empty(len(standing), np.int64)
    home = np.floor(standing)
    reach = (2 * radius) ** 2
    for i in range(len(standing)):
        others = 0
        for j in range(i):
            if (standing[i, 0] - standing[j, 0]) ** 2 + (standing[i, 1] - standing[j, 1]) ** 2 <= reach:
                near[others] = j
                others += 1
        for dx in range(-radius - 1, radius + 2):
            for dz in range(-radius - 1, radius + 2):
                x, z = home[i, 0] + dx + 0.5, home[i, 1] + dz + 0.5
                if (x - standing[i, 0]) ** 2 + (z - standing[i, 1]) ** 2 > radius**2:
                    continue
                away = above * sin + z * cos
                shown = (
                    away > 0 and sides[0] * away <= x < sides[1] * away and sides[2] * away <= drop < sides[3] * away
                )
                if not shown and (dx != 0 or dz != 0):
                    continue
                new = True
                for k in range(others):
                    j = near[k]
                    if shown:
                        new = (x - standing[j, 0]) ** 2 + (z - standing[j, 1]) ** 2 > radius**2
                    else:
                        new = home[j, 0] != home[i, 0] or home[j, 1] != home[i, 1]
                    if not new:
                        break
                total += new
    return total


def _doubt(crowd: Crowd, low: Ground, high: Ground) -> float:
    """Return half the difference of the logarithms of the areas on two grounds."""
    areas = [occupied_m2(ground, _feet_on(crowd, ground), crowd.width, crowd.height) for ground in (low, high)]
    return math.log(areas[1] / areas[0]) / 2


def _scatter(crowd: Crowd, ground: Ground, area: float) -> float:
    """Return how much the logarithm of the area grows when people are placed as if they were of different statures.

    Only where heads tell where people stand: a tall person seems nearer than he is, so crowds are torn apart in depth.
    """
    if not _by_heads(crowd, ground) or crowd.heads is None:
        return 0.0
    quantiles = (np.arange(len(crowd.heads)) + 0.5) * GOLDEN % 1
    torn = ground.feet_of(crowd.heads, 1 + STATURES * ndtri(quantiles))
    return math.log(occupied_m2(ground, torn, crowd.width, crowd.height) / area)


def _by_heads(crowd: Crowd, ground: Ground) -> bool:
    return crowd.scale in (HEADS, DETECTED) and ground.lens_above_heads >= LEAST_ABOVE


def _feet_on(crowd: Crowd, ground: Ground) -> np.ndarray:
    """Return the feet on another ground: where the ground had told them from the heads, they move with it."""
    assert crowd.heads is not None
    assert crowd.feet is not None
    return ground.feet_of(crowd.heads) if _by_heads(crowd, ground) else crowd.feet
