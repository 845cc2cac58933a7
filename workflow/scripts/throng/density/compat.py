"""The six labelling methods of sg3-crowd-density as they are, faults included, to reproduce its labels.

Every method looks at every annotated full box, ignored regions included, in the whole image. The centre of a box is
half the sum of its ends, each truncated towards zero, rounded down. Where Python's arithmetic has no result (a division
by zero, the maximum of nothing) the original stops, where NumPy's has none it goes on with infinity or NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from throng.density import compat_grid, compat_kde
from throng.density.crowd import Measure
from throng.errors import ThrongError
from throng.tables.images import ImageRow

_FARTHEST = 1e12  # pixels; what is beyond has no area in float64


@dataclass(frozen=True)
class SeedScene:
    """An image as sg3-crowd-density sees it.

    ``width`` and ``height`` in pixels; ``boxes`` (N, 4) float64 x, y, w, h in pixels of every annotated full box,
    whatever its tag; ``persons``, how often the annotation says "person".
    """

    width: int
    height: int
    boxes: np.ndarray
    persons: int


def scene_of(row: ImageRow) -> SeedScene | None:
    """Return the scene of an ingested image, None where its source has no full boxes.

    Full boxes without an area are not in the table of images, and so not in the scene.
    """
    if row.people is None:
        return None
    full = [person["full"] for person in row.people if person["full"] is not None]
    if row.people and not full:
        return None
    boxes = np.array([(box["x"], box["y"], box["w"], box["h"]) for box in full], np.float64).reshape(-1, 4)
    return SeedScene(row.width, row.height, boxes, sum(person["tag"] == "person" for person in row.people))


def scene_of_boxes(width: int, height: int, boxes: np.ndarray) -> SeedScene:
    """Return the scene of an image whose boxes (N, 4) x, y, w, h in pixels are all of them persons."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return SeedScene(width, height, boxes, len(boxes))


def measure(method: str, scene: SeedScene, extremes: tuple[int, int]) -> Measure:
    """Return the score that a method gives a scene.

    threshold: the number of boxes. normalised: (that number - min) / (max - min), where ``extremes`` are the smallest
    and the largest ``persons`` of the data set. euclidean: the mean distance of all pairs of box centres in mean box
    widths: NaN for one box, infinite for boxes without width. grid and grid-metres: see ``compat_grid``. kde: see
    ``compat_kde``, per square pixel.

    Where the original stops with an error there is a reason and no score: no boxes, an empty grid, or a data set that
    says "person" equally often of every image. So it is for boxes that are no pixels (NaN,
    infinite, 1e12 or more). Raises ThrongError for an unknown method.
    """
    if method == "threshold":
        return Measure(float(len(scene.boxes)))
    if method == "normalised":
        return _normalised(len(scene.boxes), *extremes)
    if method not in _GEOMETRIC:
        raise _unknown(method)
    problem = _problem(scene)
    return Measure(None, reason=problem) if problem else _GEOMETRIC[method](scene.boxes, scene.width, scene.height)


def density_class(method: str, score: float) -> int:
    """Return the class of a score: 0 low, 1 medium, 2 high; NaN, which is below and above nothing, is medium.

    The original calls people far apart (a high ``euclidean``) crowded. Raises ThrongError for an unknown method.
    """
    if method not in _CLASSES:
        raise _unknown(method)
    low, high = _CLASSES[method]
    return 0 if low(score) else 2 if high(score) else 1


def _unknown(method: str) -> ThrongError:
    return ThrongError(f"{method!r} is no labelling method; expected one of {', '.join(_CLASSES)}")


def _problem(scene: SeedScene) -> str:
    if not len(scene.boxes):
        return "no boxes: nothing is annotated, and the original divides by their number"
    if scene.width < 1 or scene.height < 1:
        return f"no pixels: the image is {scene.width} x {scene.height}"
    broken = np.flatnonzero(~(np.abs(scene.boxes) < _FARTHEST).all(1))
    if len(broken):
        return f"broken box: x, y, w, h of box {broken[0]} are {scene.boxes[broken[0]].tolist()}, expected pixels"
    return ""


def _normalised(boxes: int, least: int, most: int) -> Measure:
    if least == most:
        detail = f"every image of the data set says person {least} times, and the original divides by the difference"
        return Measure(None, reason=f"no spread: {detail}")
    return Measure((boxes - least) / (most - least))


def _centres(boxes: np.ndarray) -> np.ndarray:
    return np.floor((np.trunc(boxes[:, :2]) + np.trunc(boxes[:, :2] + boxes[:, 2:])) / 2)


def _euclidean(boxes: np.ndarray, width: int, height: int) -> Measure:
    mean_width = float(boxes[:, 2].mean())
    x, y = _centres(boxes).T
    count = len(boxes)
    if count == 1:
        return Measure(float("nan"))
    distances = sum(float(np.hypot(x[i + 1 :] - x[i], y[i + 1 :] - y[i]).sum()) for i in range(count - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return Measure(float(np.float64(distances / (count * (count - 1) / 2)) / mean_width))


def _kde(boxes: np.ndarray, width: int, height: int) -> Measure:
    score = compat_kde.densest(_centres(boxes), width, height)
    if score is None:
        return Measure(None, reason="no density: no box has its centre in the image or close to it")
    return Measure(score)


_GEOMETRIC: dict[str, Callable[[np.ndarray, int, int], Measure]] = {
    "euclidean": _euclidean,
    "grid": compat_grid.grid,
    "grid-metres": compat_grid.grid_metres,
    "kde": _kde,
}

Test = Callable[[float], bool]
_DENSITY: tuple[Test, Test] = (lambda score: score < 2, lambda score: score >= 3)
_CLASSES: dict[str, tuple[Test, Test]] = {
    "threshold": (lambda score: score <= 10, lambda score: score > 30),
    "normalised": (lambda score: score < 0.333, lambda score: score > 0.666),
    "euclidean": (lambda score: score < 1.5, lambda score: score >= 3),
    "grid": _DENSITY,
    "grid-metres": _DENSITY,
    "kde": _DENSITY,
}
