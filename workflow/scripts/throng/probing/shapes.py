"""A labelled set of pictures that is drawn, not shipped: ten kinds of things, many of one kind in every picture.

The kind is the label. How many there are, where, how large, turned and coloured, on what ground and with what clutter,
is drawn independently of it: the outline tells the kind. Things are light on darker ground and stand nearly upright,
as a few hundred pictures are to be enough for a linear classifier.
"""

from collections.abc import Callable

import numpy as np

from throng.errors import ThrongError
from throng.render.textures import smooth_noise
from throng.seeds import generator

ACROSS = (4, 8)  # things that a full row would hold
FULL = 0.6  # the least share of places where something stands
SHIFT, TURN = 0.2, 0.25  # of a thing from its place, pitches and radians
CLUTTER = 4
DARK, LIGHT = (20.0, 80.0), (150.0, 240.0)
TINT = 15.0
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _radius(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v)


def _bar(u: np.ndarray, v: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.minimum(half_width - np.abs(u), half_height - np.abs(v))


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    sides = [0.5 - u * np.cos(turn) - v * np.sin(turn) for turn in np.arange(3) * 2 * np.pi / 3]
    return np.minimum.reduce(sides)


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    fifth = 2 * np.pi / 5
    from_valley = np.abs((np.arctan2(v, u) % fifth) / fifth - 0.5) * 2
    return 0.4 + 0.6 * from_valley - _radius(u, v)


def _flower(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 0.72 + 0.28 * np.cos(6 * np.arctan2(v, u)) - _radius(u, v)


def _arrow(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    head = np.minimum(u, 0.95 - u - np.abs(v))
    return np.maximum(head, _bar(u + 0.45, v, 0.5, 0.22))


# positive inside, about the distance to the outline; a thing fits into the unit circle
FIELDS: dict[str, Field] = {
    "disc": lambda u, v: 0.9 - _radius(u, v),
    "ring": lambda u, v: 0.2 - np.abs(_radius(u, v) - 0.75),
    "square": lambda u, v: _bar(u, v, 0.7, 0.7),
    "triangle": _triangle,
    "star": _star,
    "flower": _flower,
    "cross": lambda u, v: np.maximum(_bar(u, v, 0.28, 0.95), _bar(u, v, 0.95, 0.28)),
    "crescent": lambda u, v: np.minimum(0.95 - _radius(u, v), _radius(u - 0.5, v) - 0.75),
    "bars": lambda u, v: 0.2 - np.maximum(np.abs(np.abs(u) - 0.45), np.abs(v) - 0.5),
    "arrow": _arrow,
}
KINDS = tuple(FIELDS)


def shape_set(seed: int, split: str, number: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``number`` pictures (N, side, side, 3) uint8 and their kinds (N,) int64, indices into KINDS in turn.

    Two splits of one seed share no random number. Raises ThrongError when a kind would have no picture.
    """
    if number < len(KINDS):
        raise ThrongError(f"{number} pictures cannot show {len(KINDS)} kinds of things: ask for {len(KINDS)} or more")
    kinds = np.arange(number) % len(KINDS)
    drawn = [draw(KINDS[kind], generator(seed, "shapes", f"{split}/{n}"), side) for n, kind in enumerate(kinds)]
    return np.stack(drawn), kinds


def draw(kind: str, rng: np.random.Generator, side: int) -> np.ndarray:
    """Return a picture (side, side, 3) uint8 RGB of things of a kind, on a ground with a little clutter."""
    canvas = _ground(rng, side)
    colour = rng.uniform(*LIGHT) + rng.normal(0, TINT, 3)
    for _ in range(rng.integers(CLUTTER + 1)):
        speck = "disc" if rng.random() < 0.5 else "square"
        _put(canvas, speck, rng.uniform(0, side, 2), side * rng.uniform(0.01, 0.035), colour, rng)
    across = int(rng.integers(ACROSS[0], ACROSS[1] + 1))
    pitch, share = side / across, rng.uniform(FULL, 1)
    for place in np.argwhere(rng.random((across, across)) < share):
        centre = (place + 0.5 + rng.uniform(-SHIFT, SHIFT, 2)) * pitch
        _put(canvas, kind, centre, pitch * rng.uniform(0.36, 0.5), colour, rng)
    noisy = canvas + rng.normal(0, rng.uniform(1, 6), canvas.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _ground(rng: np.random.Generator, side: int) -> np.ndarray:
    """Return (side, side, 3) float64: blotches between two dark colours, light from one side."""
    first, second = rng.uniform(*DARK) + rng.normal(0, TINT, (2, 3))
    share = np.clip(0.5 + 0.5 * smooth_noise(rng, (side, side), int(rng.integers(2, 9))), 0, 1)[..., None]
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    light = 1 + rng.uniform(0, 0.5) * (x * np.cos(turn) + y * np.sin(turn))
    return (first + share * (second - first)) * light[..., None]


def _put(
    canvas: np.ndarray, kind: str, place: np.ndarray, radius: float, colour: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw a thing whose unit circle has that centre (x, y) and radius, pixels, with smooth edges."""
    side = len(canvas)
    low, high = np.floor(place - radius - 1).astype(int), np.ceil(place + radius + 2).astype(int)
    (left, top), (right, bottom) = np.clip(low, 0, side), np.clip(high, 0, side)
    turn = rng.uniform(-TURN, TURN)
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    x, y = (x - place[0]) / radius, (y - place[1]) / radius
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    cover = np.clip(FIELDS[kind](u, v) * radius + 0.5, 0, 1)[..., None]
    window = canvas[top:bottom, left:right]
    window += cover * (colour - window)
