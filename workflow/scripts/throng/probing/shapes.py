"""A labelled set of pictures that is drawn, not shipped: ten kinds of things, some of one kind in every picture.

The kind is the label. How many there are, where, how large, turned, coloured and lit, and what lies around them, is
drawn independently of it, so that no colour and no number tells the kind: the outline does.
"""

from collections.abc import Callable

import numpy as np

from throng.errors import ThrongError
from throng.render.textures import smooth_noise
from throng.seeds import generator

MOST = 9
CLUTTER = 12
ATTEMPTS = 20
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
    """Return a picture (side, side, 3) uint8 RGB of one to nine things of a kind, on a ground with clutter."""
    canvas = _ground(rng, side)
    for _ in range(rng.integers(CLUTTER + 1)):
        place, radius = rng.uniform(0, side, 2), side * rng.uniform(0.01, 0.035)
        _put(canvas, "disc" if rng.random() < 0.5 else "square", place, radius, rng)
    taken: list[tuple[np.ndarray, float]] = []
    for _ in range(rng.integers(1, MOST + 1)):
        radius = side * rng.uniform(0.07, 0.14)
        places = rng.uniform(radius, side - radius, (ATTEMPTS, 2))
        free = [one for one in places if all(np.hypot(*(one - other)) > radius + reach for other, reach in taken)]
        if free:
            taken.append((free[0], radius))
            _put(canvas, kind, free[0], radius, rng)
    noisy = canvas + rng.normal(0, rng.uniform(1, 6), canvas.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _ground(rng: np.random.Generator, side: int) -> np.ndarray:
    """Return (side, side, 3) float64: blotches between two colours, light from one side."""
    first, second = rng.uniform(30, 225, (2, 3))
    share = np.clip(0.5 + 0.5 * smooth_noise(rng, (side, side), int(rng.integers(2, 9))), 0, 1)[..., None]
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    light = 1 + rng.uniform(0, 0.5) * (x * np.cos(turn) + y * np.sin(turn))
    return (first + share * 0.5 * (second - first)) * light[..., None]


def _put(canvas: np.ndarray, kind: str, place: np.ndarray, radius: float, rng: np.random.Generator) -> None:
    """Draw a thing whose unit circle has that centre (x, y) and radius, pixels, with smooth edges."""
    side = len(canvas)
    low, high = np.floor(place - radius - 1).astype(int), np.ceil(place + radius + 2).astype(int)
    (left, top), (right, bottom) = np.clip(low, 0, side), np.clip(high, 0, side)
    turn = rng.uniform(0, 2 * np.pi)
    colour, other = rng.uniform(0, 255, (2, 3))
    stripes = rng.uniform(0.5, 4.0) if rng.random() < 0.4 else 0.0
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    x, y = (x - place[0]) / radius, (y - place[1]) / radius
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    cover = np.clip(FIELDS[kind](u, v) * radius + 0.5, 0, 1)[..., None]
    paint = np.where((np.sin(x * stripes * np.pi) > 0.3)[..., None], other, colour) if stripes else colour
    window = canvas[top:bottom, left:right]
    window += cover * (paint - window)
