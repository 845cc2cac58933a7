"""Who stands where: groups on the ground where people stood before, nobody inside another, everybody seen."""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from throng.synthesizers.cutouts import CutOut
from throng.synthesizers.occupancy import SOLID, Occupancy
from throng.synthesizers.places import Place

GROUP_SHARES = (0.38, 0.36, 0.14, 0.08, 0.04)  # of one person alone, two, ... five
GROUP_BOUNDS = tuple(itertools.accumulate(GROUP_SHARES))[:-1]
NEIGHBOURS = 4  # a group stands between a place where somebody stood and one of its nearest
DRIFT_M = 0.5  # standard deviation about that line; grows as the place fills
DRIFT_GROWTH_M = 2.0
SPACING_M = (0.55, 0.9)  # between members of a group
STEP_ASIDE_M = 0.12
HEAD_UP = 0.93  # of the height, above the feet
ELBOW_M = 0.38  # nobody stands nearer to anybody
STATURE_SPREAD = 0.05
LEAST_HEIGHT = 18.0  # pixels; farther people are no use to anybody
MOST_HEIGHT = 0.8  # of the image height
LARGEST_SCALE = 1.5  # a cut-out is not blown up more
PATIENCE = 500  # positions refused in a row until a place counts as full
STALE = 25  # positions in a row for which every unused cut-out is too small
CHOICE = 12  # fewest cut-outs to draw from, where there are so many
DYE_TURN, DYE_GAINS = 0.5, (0.8, 1.2)  # radians of hue, and brightness, of a person who comes again


@dataclass(frozen=True)
class Card:
    """A cut-out as it will stand: mirrored or not, and its colours turned by radians and brightened by a factor."""

    cutout: CutOut
    mirrored: bool
    turn: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True)
class Pasted:
    """A cut-out at its place: (h, w, 4) uint8 premultiplied RGBA, its top-left pixel, its head and foot pixels."""

    card: Card
    rgba: np.ndarray
    left: int
    top: int
    head: tuple[float, float]
    foot: tuple[float, float]

    @property
    def cutout(self) -> CutOut:
        """Return the cut-out that stands there."""
        return self.card.cutout

    @property
    def height(self) -> int:
        """Return the person's height in pixels."""
        return self.rgba.shape[0]


def place_people(
    place: Place, deck: "Deck", count: int, min_visible: float, rng: np.random.Generator
) -> tuple[list[Pasted], np.ndarray] | str:
    """Return ``count`` people, and the (H, W) int32 map of who is seen where (-1: nobody); or why there are fewer.

    The reason is "place full", or "too few cut-outs" where the deck had nobody left who is large enough.
    """
    occupancy = Occupancy(place.height, place.width, count, min_visible)
    pasted: list[Pasted] = []
    grounds = np.zeros((count, 2))
    refused = lacking = 0
    crowd = Crowd(place, count, rng)
    while len(pasted) < count and refused < PATIENCE:
        position = crowd.next_position(len(pasted) / count)
        refused += 1
        if _touches(grounds[: len(pasted)], position[0], position[1], ELBOW_M):
            continue
        foot, height = _standing(place, position, rng)
        if not _useful(place, foot, height) or not occupancy.head_in_sight(
            (foot[0], foot[1] - HEAD_UP * height), height, foot[1]
        ):
            continue
        card = deck.draw(height)
        if card is None:
            lacking += 1
            continue
        if not _may_fit(occupancy, card, foot, height):
            continue
        person = _pasted(card, foot, height)
        alpha = np.ascontiguousarray(person.rgba[..., 3])
        if occupancy.add(alpha, person.left, person.top, person.head, person.height, foot[1]):
            grounds[len(pasted)] = position
            pasted.append(person)
            deck.take()
            refused = lacking = 0
    if len(pasted) == count:
        return pasted, occupancy.owner
    if lacking > refused / 2:
        return (
            f"too few cut-outs: {len(pasted)} of {count} people on background {place.name}, then nobody was left "
            f"who is large enough"
        )
    return (
        f"place full: {len(pasted)} of {count} people found a place on background {place.name} "
        f"with at least {min_visible:g} of each seen"
    )


class Crowd:
    """Ground positions in metres, group by group: between places where people stood, spreading as the place fills."""

    def __init__(self, place: Place, count: int, rng: np.random.Generator) -> None:
        self._place, self._rng = place, rng
        stood = place.plane.to_ground(place.feet, place.width)
        self._stood = stood
        apart = np.hypot(stood[:, None, 0] - stood[None, :, 0], stood[:, None, 1] - stood[None, :, 1])
        self._nearest = np.argsort(apart, axis=1, kind="stable")[:, : NEIGHBOURS + 1]
        self._spread = DRIFT_GROWTH_M * min(1.0, count / (10 * max(len(stood), 1)))
        self._waiting: list[np.ndarray] = []

    def next_position(self, fill: float) -> np.ndarray:
        """Return (2,) metres, aside and away; ``fill`` is the share of the people who have found their place."""
        if not self._waiting:
            rng = self._rng
            centre = self._between(DRIFT_M + self._spread * fill) if len(self._stood) else _anywhere(self._place, rng)
            size = 1 + bisect.bisect(GROUP_BOUNDS, rng.random())
            turn = rng.uniform(0, np.pi)
            steps = np.cumsum(rng.uniform(*SPACING_M, size))
            steps -= steps.mean()
            members = centre + steps[:, None] * np.array((math.cos(turn), math.sin(turn)))
            self._waiting = list(members + rng.normal(0, STEP_ASIDE_M, (size, 2)))
        return self._waiting.pop()

    def _between(self, drift: float) -> np.ndarray:
        rng = self._rng
        start = int(rng.integers(len(self._stood)))
        end = self._nearest[start, int(rng.integers(self._nearest.shape[1]))]
        along = self._stood[start] + rng.random() * (self._stood[end] - self._stood[start])
        return along + rng.normal(0, drift, 2)


def _anywhere(place: Place, rng: np.random.Generator) -> np.ndarray:
    """Return a position in the view, evenly in depth between the farthest and the nearest useful row."""
    plane, rows = place.plane, place.height
    far = plane.foot_of(max(LEAST_HEIGHT, 0.06 * rows))
    near = min(plane.foot_of(0.6 * rows), 1.02 * rows)
    ends = plane.to_ground(np.array([(0.0, far), (0.0, max(near, far + 1))]), place.width)
    depth = rng.uniform(ends[1, 1], ends[0, 1])
    return np.array((rng.uniform(-0.5, 0.5) * depth, depth))


class Deck:
    """The library for one scene: nobody is drawn twice; with ``repeat``, only when nobody fresh is large enough.

    Large cut-outs are kept for the near: of those who are large enough the smaller half is drawn from. With ``repeat``
    the least used come again where nobody fresh has been large enough for 25 positions in a row: mirrored the other way
    round, in other colours.
    """

    def __init__(self, library: Sequence[CutOut], rng: np.random.Generator, *, repeat: bool) -> None:
        order = np.argsort([cutout.height for cutout in library], kind="stable")
        self._library = [library[index] for index in order]
        self._largest = LARGEST_SCALE * np.array([cutout.height for cutout in self._library])
        self._uses = np.zeros(len(library), np.int64)
        self._mirrored = rng.random(len(library)) < 0.5
        self._drawn = self._stale = 0
        self._repeat, self._rng = repeat, rng

    def draw(self, height: float) -> Card | None:
        """Return a cut-out large enough for a person of that height in pixels, or None where there is none."""
        large = self._largest >= height
        fitting = np.flatnonzero(large & (self._uses == 0))
        if fitting.size:
            self._stale = 0
            fitting = fitting[: max(CHOICE, (fitting.size + 1) // 2)]
            self._drawn = int(fitting[self._rng.integers(fitting.size)])
            return Card(self._library[self._drawn], bool(self._mirrored[self._drawn]))
        self._stale += 1
        if not self._repeat or self._stale <= STALE or not large.any():
            return None
        fitting = np.flatnonzero(large & (self._uses == self._uses[large].min()))
        self._drawn = int(fitting[self._rng.integers(fitting.size)])
        mirrored = bool(self._mirrored[self._drawn]) ^ (self._uses[self._drawn] % 2 == 1)
        turn, gain = self._rng.uniform(-DYE_TURN, DYE_TURN), self._rng.uniform(*DYE_GAINS)
        return Card(self._library[self._drawn], bool(mirrored), float(turn), float(gain))

    def take(self) -> None:
        """Count the cut-out drawn last as used."""
        self._uses[self._drawn] += 1


def _standing(place: Place, position: np.ndarray, rng: np.random.Generator) -> tuple[tuple[float, float], float]:
    """Return the foot pixel and the height in pixels of somebody, small or tall, on a ground position."""
    stature = 1 + STATURE_SPREAD * float(np.clip(rng.standard_normal(), -2, 2))
    if position[1] <= 0:
        return (0.0, 0.0), 0.0
    aside, away = float(position[0]), float(position[1])
    x, y = place.plane.pixel_of(aside, away, place.width)
    return (x, y), stature * float(place.plane.height_at(y))


def _useful(place: Place, foot: tuple[float, float], height: float) -> bool:
    if not (LEAST_HEIGHT <= height <= MOST_HEIGHT * place.height and foot[1] - height < place.height):
        return False
    if place.ground is None:
        return True
    column, row = round(foot[0]), min(round(foot[1]), place.height - 1)
    return 0 <= column < place.width and row >= 0 and bool(place.ground[row, column])


@njit(cache=True)
def _touches(grounds, x, z, apart):
    near = False
    for k in range(len(grounds)):
        near |= abs(grounds[k, 0] - x) < apart and abs(grounds[k, 1] - z) < apart
    return near


def _window(card: Card, foot: tuple[float, float], height: float) -> tuple[tuple[int, int], int, int]:
    """Return the size (rows, columns) and the left and top pixel of a cut-out that stands at ``foot``."""
    cutout = card.cutout
    scale, wide = height / cutout.height, cutout.rgba.shape[1]
    size = max(2, round(height)), max(2, round(wide * scale))
    foot_x = wide - 1 - cutout.foot if card.mirrored else cutout.foot
    return size, round(foot[0] - foot_x * scale), round(foot[1]) - size[0] + 1


def _may_fit(occupancy: Occupancy, card: Card, foot: tuple[float, float], height: float) -> bool:
    size, left, top = _window(card, foot, height)
    return occupancy.may_fit(card.cutout.thumbnail, left, top, size, foot[1], mirrored=card.mirrored)


def _pasted(card: Card, foot: tuple[float, float], height: float) -> Pasted:
    cutout, mirrored = card.cutout, card.mirrored
    wide = cutout.rgba.shape[1]
    size, left, top = _window(card, foot, height)
    head_x = wide - 1 - cutout.head[0] if mirrored else cutout.head[0]
    rgba = cutout.resized(*size, mirrored=mirrored)
    x = left + (head_x + 0.5) * size[1] / wide - 0.5
    y = top + (cutout.head[1] + 0.5) * size[0] / cutout.height - 0.5
    return Pasted(card, rgba, left, top, _on_body(rgba[..., 3], left, top, x, y), foot)


def _on_body(alpha: np.ndarray, left: int, top: int, x: float, y: float) -> tuple[float, float]:
    """Return a head point, or the solid pixel nearest to it where shrinking has left only a rim there.

    ``alpha``, (h, w) uint8, lies at (``left``, ``top``). Which pixel a point is in is asked in the image: halves are
    rounded to even numbers.
    """
    row, column = round(y) - top, round(x) - left
    if 0 <= row < alpha.shape[0] and 0 <= column < alpha.shape[1] and alpha[row, column] >= SOLID:
        return x, y
    rows, columns = np.nonzero(alpha >= SOLID)
    if not rows.size:
        return x, y
    nearest = int(np.argmin((rows + top - y) ** 2 + (columns + left - x) ** 2))
    return float(columns[nearest] + left), float(rows[nearest] + top)
