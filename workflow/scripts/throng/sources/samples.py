"""What a reader hands to ingestion: samples that were listed but not read, and the labels of one that was."""

import dataclasses
from collections.abc import Callable

import numpy as np

from throng.sources.headers import Header
from throng.tables.images import Person, Point

UNKNOWN_SPLIT = ""
KEPT_FIRST = {"test": 0, "val": 1, "train": 2}  # of one image in two splits the held-out one stays


@dataclasses.dataclass(frozen=True, slots=True)
class Labels:
    """What an annotation says of one image: head points (N, 2) float64 x, y in pixels, people if boxed, and notes."""

    points: np.ndarray
    people: list[Person] | None = None
    notes: tuple[str, ...] = ()

    def rows(self) -> list[Point]:
        """Return the points as table ``images`` holds them."""
        return [Point(x=x, y=y) for x, y in self.points.tolist()]


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One image file or one annotation without an image, before its bytes are read.

    ``key`` names it the same way whether the source is packed or not; ``labels`` reads its annotation, given the
    image's header, and raises ThrongError whose message is the reason of the rejected row.
    """

    path: str
    key: str
    split: str
    scene: str
    size: int = 0
    problem: str = ""
    labels: Callable[[Header], Labels] | None = None


def into_frame(points: np.ndarray, width: int, height: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Move (N, 2) points outside the frame onto the nearest pixel centre inside, and say so in a note.

    The frame reaches from -0.5 to width - 0.5 and height - 0.5, as the origin is the centre of the top-left pixel.
    """
    last = np.array([width - 1.0, height - 1.0])
    beyond = np.maximum(-0.5 - points, points - last - 0.5).clip(min=0)
    outside = np.flatnonzero(np.any(beyond > 0, axis=1))
    if not outside.size:
        return points, ()
    moved = points.copy()
    moved[outside] = points[outside].clip(0, last)
    far = f"{beyond.max():.2f}"
    return moved, (f"{_several(outside.size)} outside the frame by up to {far} px: moved onto its edge",)


def repeated(points: np.ndarray) -> tuple[str, ...]:
    """Return a note when some of (N, 2) points repeat another one exactly."""
    extra = len(points) - len(np.unique(points, axis=0))
    return (f"{_several(extra)} repeating another exactly: kept, the published counts include them",) if extra else ()


def _several(count: int) -> str:
    return f"{count} point" if count == 1 else f"{count} points"
