"""Square windows of a rendered frame in which people are large enough to be drawn, and how many heads are inside."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from throng.render.scene import People

CANDIDATES = 64
SMALLEST_SHARE = 0.6


@dataclass(frozen=True)
class Window:
    """A square of ``side`` pixels whose first pixel is (top, left) of a frame."""

    top: int
    left: int
    side: int


def heads_inside(window: Window, people: People) -> np.ndarray:
    """Return (N,) bool: who would be marked by an annotator and has the head's centre in the window."""
    x, y = people.head_point.reshape(-1, 2).T + 0.5
    across = (x >= window.left) & (x < window.left + window.side)
    down = (y >= window.top) & (y < window.top + window.side)
    return people.counted & across & down


def choose(
    people: People,
    wanted: int,
    shape: tuple[int, int],
    size: int,
    heights: tuple[float, float],
    rng: np.random.Generator,
) -> Window:
    """Return the best of some drawn windows for ``wanted`` heads, in a frame of ``shape`` with one person or more.

    A window is meant to be resized to ``size`` pixels; there somebody is ``heights`` pixels tall. Windows with the
    wanted number win, then those where fewest bodies are cut and fewest people are too small to be drawn.
    """
    drawn = [_draw(people, wanted, shape, size, heights, rng) for _ in range(CANDIDATES)]
    return min(drawn, key=lambda window: _faults(window, people, wanted, SMALLEST_SHARE * heights[0] / size))


def cut(image: np.ndarray, window: Window, size: int) -> np.ndarray:
    """Return the window of an (H, W, 3) uint8 image as (size, size, 3) uint8."""
    rows, columns = slice(window.top, window.top + window.side), slice(window.left, window.left + window.side)
    inside = np.ascontiguousarray(image[rows, columns])
    if window.side == size:
        return inside
    interpolation = cv2.INTER_AREA if window.side > size else cv2.INTER_CUBIC
    return cv2.resize(inside, (size, size), interpolation=interpolation)


def _draw(
    people: People,
    wanted: int,
    shape: tuple[int, int],
    size: int,
    heights: tuple[float, float],
    rng: np.random.Generator,
) -> Window:
    height, width = shape
    anchor = int(rng.integers(len(people)))
    x, y, w, tall = (float(value) for value in people.full_box[anchor])
    side = min(round(size * max(tall, 1.0) / rng.uniform(*heights)), height, width)
    centre_x = x + w / 2 if wanted else float(rng.uniform(0, width))
    reach = 0.45 * side
    left = round(centre_x + float(rng.uniform(-reach, reach)) - side / 2)
    top = round(y + tall / 2 + float(rng.uniform(-reach, reach)) - side / 2)
    return Window(min(max(top, 0), height - side), min(max(left, 0), width - side), side)


def _faults(window: Window, people: People, wanted: int, smallest: float) -> tuple[int, float]:
    """Return by how many heads a window misses, and its other faults; ``smallest`` is a share of its side."""
    inside = heads_inside(window, people)
    left, top, wide, tall = people.visible_box.T.astype(np.float64)
    across = np.minimum(left + wide, window.left + window.side) - np.maximum(left, window.left)
    down = np.minimum(top + tall, window.top + window.side) - np.maximum(top, window.top)
    shown = np.clip(across, 0, None) * np.clip(down, 0, None)
    bodies = np.maximum(wide * tall, 1)
    strays = shown[~inside].sum() / window.side**2 * 20
    cut_off = (1 - shown / bodies)[inside].sum()
    small = (people.full_box[inside, 3] < smallest * window.side).sum()
    return abs(int(inside.sum()) - wanted), float(strays + cut_off + small)


def wanted_counts(most: int, many: int, rng: np.random.Generator) -> Sequence[int]:
    """Return ``many`` counts from 0 to ``most``, each as often as the others or once more."""
    rounds = -(-many // (most + 1))
    return [int(count) for _ in range(rounds) for count in rng.permutation(most + 1)][:many]
