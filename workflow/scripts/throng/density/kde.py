"""People per square metre as a field: every person a Gaussian on the ground, integrated over blocks of pixels.

The bandwidth is 1 m for everybody, at which a person counts as 1 / (2 pi) = 0.16 people/m2 and a crowd of people is
averaged over 4 pi = 12.6 m2, as in a disc of 2 m: wide enough that someone alone is no crowd, narrow enough to tell a
queue from the square around it. A bandwidth that follows the k nearest people would make the field of everybody around
narrower, hence lower at a distance, whenever one person joins, so adding people could lower the score.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from throng.compiled import compiled
from throng.density.crowd import Crowd
from throng.density.floor import Floor, floor_of
from throng.density.grid import NO_SCALE, lacks
from throng.errors import ThrongError

BANDWIDTH_M = 1.0
PERCENTILE = 95
CUT = 4.0
REACH = 6.0
BLOCKS = 240
TABLE_STEPS = 2048
PHI = np.append(ndtr(np.arange(-CUT, CUT + 0.5 / TABLE_STEPS, 1 / TABLE_STEPS)), ndtr(CUT))


@dataclass(frozen=True)
class Field:
    """Density of a window in blocks of ``step`` x ``step`` pixels, the last row and column cut by the window's edge.

    ``people`` (h, w) float32 is the number of people per block, in total those of the window; ``per_m2`` (h, w) float32
    people per square metre of the ground that the block shows, 0 where it shows none. ``flags`` say on what assumption
    the metres rest; without a field a ``reason`` says why nobody can tell, "short kind: detail".
    """

    people: np.ndarray
    per_m2: np.ndarray
    step: int
    flags: tuple[str, ...] = ()
    reason: str = ""


def field(crowd: Crowd, *, step: int | None = None, bandwidth_m: float = BANDWIDTH_M) -> Field:
    """Return the density field of a window's people, by blocks of ``step`` pixels (default: longer side / 240).

    A person whose feet are outside the window stands at its nearest edge. Each person's Gaussian is cut at 4 standard
    deviations and divided by what the window shows of it, so nobody is lost at an edge and the sum is the number of
    positions. Raises ThrongError unless step and bandwidth are positive.
    """
    step = max(1, -(-max(crowd.width, crowd.height) // BLOCKS)) if step is None else step
    if step < 1 or not bandwidth_m > 0:
        raise ThrongError(f"a field needs a positive step and bandwidth, not {step} pixels and {bandwidth_m} m")
    empty = np.zeros((-(-crowd.height // step), -(-crowd.width // step)), np.float32)
    floor, reason = _floor(crowd)
    if floor is None or crowd.feet is None or len(crowd.feet) == 0:
        return Field(empty, empty, step, () if floor is None else floor.flags, reason)
    columns, rows = _edges(crowd.width, step), _edges(crowd.height, step)
    depths = floor.to_metres(np.stack([np.zeros(len(rows)), rows], 1))[:, 1]
    constant, slope = floor.across
    standing = floor.to_metres(np.clip(crowd.feet, -0.5, [crowd.width - 0.5, crowd.height - 0.5]))
    people = _spread(standing, columns - floor.centre, depths, constant, slope, bandwidth_m)
    across = constant + slope * (depths[1:] + depths[:-1]) / 2
    area = (np.abs(np.diff(depths)) * across)[:, None] * np.diff(columns)
    per_m2 = np.divide(people, area, out=np.zeros_like(people), where=area > 0)
    return Field(people.astype(np.float32), per_m2.astype(np.float32), step, floor.flags)


def at_people(metres: np.ndarray, bandwidth_m: float = BANDWIDTH_M) -> np.ndarray:
    """Return the density at each of (N, 2) places in metres, (N,) float64 people per square metre.

    The plain sum of Gaussians, which knows no window: a correction at its edge would fall when a crowd contracts and
    leaves the edge, and the score with it.
    """
    return _sums(np.ascontiguousarray(metres, np.float64), 1 / (2 * bandwidth_m**2)) / (2 * math.pi * bandwidth_m**2)


def score(density: np.ndarray) -> float:
    """Return the 95th percentile of the densities at people, linear between two; 0 where nobody is."""
    return float(np.percentile(density, PERCENTILE)) if len(density) else 0.0


def _floor(crowd: Crowd) -> tuple[Floor | None, str]:
    reason = lacks(crowd)
    if reason or crowd.feet is None or len(crowd.feet) == 0:
        return None, reason
    floor = floor_of(crowd)
    return floor, "" if floor else NO_SCALE


def _edges(size: int, step: int) -> np.ndarray:
    return np.minimum(np.arange(-(-size // step) + 1) * step, size) - 0.5


@compiled
def _sums(places: np.ndarray, factor: float) -> np.ndarray:
    total = np.ones(len(places))
    limit = REACH**2 / (2 * factor)
    for i in range(len(places)):
        for j in range(i):
            square = (places[i, 0] - places[j, 0]) ** 2 + (places[i, 1] - places[j, 1]) ** 2
            if square <= limit:
                share = math.exp(-square * factor)
                total[i] += share
                total[j] += share
    return total


@compiled
def _phi(x: float) -> float:
    """Return the standard normal distribution up to ``x`` in [-4, 4], to 1e-8, from the table."""
    position = (x + CUT) * TABLE_STEPS
    cell = int(position)
    return PHI[cell] + (position - cell) * (PHI[cell + 1] - PHI[cell])


@compiled
def _spread(
    places: np.ndarray, columns: np.ndarray, depths: np.ndarray, constant: float, slope: float, sigma: float
) -> np.ndarray:
    """Add every person's Gaussian, each exactly 1, in people per block.

    In a block's row the columns are those at the mean depth of what of the person lies in the row, since far away one
    row of blocks is much deeper than a person's Gaussian is wide.
    """
    people = np.zeros((len(depths) - 1, len(columns) - 1))
    row_mass, per_column, middle = np.empty(len(people)), np.empty(len(people)), np.empty(len(people))
    for i in range(len(places)):
        x, z = places[i]
        total = 0.0
        for row in range(len(people)):
            low, high = min(depths[row], depths[row + 1]), max(depths[row], depths[row + 1])
            row_mass[row] = 0.0
            if high <= low or low >= z + CUT * sigma or high <= z - CUT * sigma:
                continue
            a, b = max((low - z) / sigma, -CUT), min((high - z) / sigma, CUT)
            mass = _phi(b) - _phi(a)
            if mass <= 0:
                continue
            mean = z + sigma * 0.3989422804014327 * (math.exp(-a * a / 2) - math.exp(-b * b / 2)) / mass
            across = constant + slope * min(max(mean, low), high)
            row_mass[row], per_column[row], middle[row] = mass, across / sigma, x / across
            left = min(max((columns[0] - middle[row]) * per_column[row], -CUT), CUT)
            right = min(max((columns[-1] - middle[row]) * per_column[row], -CUT), CUT)
            total += mass * (_phi(right) - _phi(left))
        for row in range(len(people)):
            if row_mass[row] > 0:
                _fill(people[row], columns, middle[row], per_column[row], row_mass[row] / total)
    return people


@compiled
def _fill(line: np.ndarray, columns: np.ndarray, middle: float, per_column: float, mass: float) -> None:
    reach = CUT / per_column
    first = min(max(np.searchsorted(columns, middle - reach) - 1, 0), len(line))
    last = min(max(np.searchsorted(columns, middle + reach), 0), len(line))
    before = _phi(min(max((columns[first] - middle) * per_column, -CUT), CUT))
    for column in range(first, last):
        after = _phi(min(max((columns[column + 1] - middle) * per_column, -CUT), CUT))
        line[column] += mass * (after - before)
        before = after
