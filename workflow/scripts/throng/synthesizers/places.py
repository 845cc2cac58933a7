"""A place without people: what is known of it, and it made ready to stand people on."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from throng.images import decode
from throng.synthesizers.ground import GroundPlane
from throng.synthesizers.photometry import Look
from throng.tables.images import ImageRow

KNOWN, GUESSED, BORROWED = range(3)
KEPT_IN_MEMORY = 96
LIGHT_CELL = 32  # pixels: how finely the light on the ground is known


@dataclass(frozen=True, eq=False)
class Place:
    """A place without people that was chosen but not yet read: ``name`` says which, ``photograph`` is None if rendered.

    ``feet`` (N, 2) are foot pixels where people stood, or would; nobody may stand outside ``ground``, (height, width)
    bool, or anywhere outside the view where it is None. ``certainty`` of the plane: 0 known from boxes or from the
    renderer, 1 from heads, 2 borrowed. ``painted`` is the share of the image that was, or is to be, painted anew.
    """

    name: str
    width: int
    height: int
    photograph: ImageRow | None
    plane: GroundPlane
    certainty: int
    feet: np.ndarray
    ground: np.ndarray | None
    painted: float


@dataclass(frozen=True, eq=False)
class Background:
    """A background ready to use: (H, W, 3) uint8 pixels and their (h, w) float32 luma by cells of 32 pixels.

    The look of a photograph is that with its people, whose contrast and sharpness painting over does not lower.
    """

    place: Place
    pixels: np.ndarray
    look: Look
    light: np.ndarray

    def brightness(self, x: float, y: float) -> float:
        """Return the light at a pixel over the photograph's mean."""
        rows, columns = self.light.shape
        row = min(max(int(y / LIGHT_CELL), 0), rows - 1)
        column = min(max(int(x / LIGHT_CELL), 0), columns - 1)
        return float(self.light[row, column] / max(self.look.mean[0], 1.0))


def ready_background(place: Place, pixels: np.ndarray, look: Look) -> Background:
    """Return a background of (H, W, 3) uint8 pixels that look so, with the light on it measured."""
    pixels.setflags(write=False)
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    size = max(1, pixels.shape[1] // LIGHT_CELL), max(1, pixels.shape[0] // LIGHT_CELL)
    light = cv2.GaussianBlur(cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32), (0, 0), 1.0)
    return Background(place, pixels, look, light)


class Backgrounds(Protocol):
    """Places to choose from by number, and each made ready; ``ready`` may be called from several threads."""

    def __len__(self) -> int: ...

    def place(self, index: int) -> Place:
        """Return what is known of a place without looking at it."""
        ...

    def ready(self, index: int) -> Background:
        """Return a place with its pixels."""
        ...


class KeptPlaces:
    """Places without people that were made ready before: what is known of each, how its photograph looks, its pixels.

    ``read`` returns the image of a place's name, encoded; it may be called from several threads.
    """

    def __init__(self, places: Sequence[Place], looks: Sequence[Look], read: Callable[[str], bytes]) -> None:
        self.places, self.looks = tuple(places), tuple(looks)
        self.read = read
        self.ready = functools.lru_cache(maxsize=KEPT_IN_MEMORY)(self._ready)

    def __len__(self) -> int:
        return len(self.places)

    def place(self, index: int) -> Place:
        """Return what is known of a place without looking at it."""
        return self.places[index]

    def _ready(self, index: int) -> Background:
        place = self.places[index]
        return ready_background(place, decode(self.read(place.name)), self.looks[index])
