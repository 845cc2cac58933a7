"""Density labels: how crowded an image is, as a score and a class, by six methods in two modes."""

from bisect import bisect_left
from collections.abc import Sequence

from throng.density import compat, fixed
from throng.density.crowd import Crowd, Measure
from throng.density.service import LETTERS, SCHEMES
from throng.errors import ThrongError

# Where Fruin's walkways stop being free (B to C) and where they become crowded (D to E), people/m2.
WALKWAY = (SCHEMES["fruin-walkway"].densities[1], SCHEMES["fruin-walkway"].densities[3])
DEFAULT_THRESHOLDS: dict[str, tuple[float, ...]] = {
    "threshold": (10, 30),
    "normalised": (1 / 3, 2 / 3),
    "euclidean": (1.0, 2.0),
    "grid": (4.0, 10.0),
    "grid-metres": WALKWAY,
    "kde": WALKWAY,
}
THREE = ("low", "medium", "high")
NO_BOXES = "no boxes: the original labels annotated full boxes, and this image has none"
NO_EXTREMES = "no extremes: no image of the data set tells the fewest and the most persons"
Thresholds = Sequence[float] | str | None


def label(
    method: str,
    mode: str,
    crowd: Crowd,
    scene: compat.SeedScene | None,
    reference: Sequence[float] | None,
    extremes: tuple[int, int] | None,
    thresholds: Thresholds,
) -> tuple[Measure, int | None]:
    """Return what a labeller says of an image, and the class, 0 the emptiest; None without a score.

    The mode ``fixed`` looks at ``crowd`` (and ``normalised`` at ``reference``), the mode ``compat`` at ``scene`` (and
    ``normalised`` at ``extremes``); ``thresholds`` are those of the mode ``fixed``: scores at which a class ends, the
    name of a level-of-service scheme, or None for the method's own. Raises ThrongError for an unknown method or mode.
    """
    if mode == "fixed":
        measure = fixed.measure(method, crowd, reference)
        return measure, None if measure.score is None else _class(method, measure.score, thresholds)
    if mode != "compat":
        raise ThrongError(f"{mode!r} is no mode; expected fixed or compat")
    measure = _compat(method, scene, extremes)
    return measure, None if measure.score is None else compat.density_class(method, measure.score)


def class_of(score: float, thresholds: Sequence[float]) -> int:
    """Return the class of a score: class k holds the scores above threshold k - 1 up to threshold k, inclusive."""
    return bisect_left(thresholds, score)


def class_names(method: str, mode: str, thresholds: Thresholds, classes: Sequence[str] | None) -> list[str]:
    """Return the names of a labeller's classes, emptiest first: ``classes`` where they are given.

    Else low, medium and high where there are three, letters for a level-of-service scheme, and numbers from 0.
    """
    if classes is not None:
        return list(classes)
    if mode == "compat":
        return list(THREE)
    if isinstance(thresholds, str):
        return list(LETTERS)
    count = len(DEFAULT_THRESHOLDS[method] if thresholds is None else thresholds) + 1
    return list(THREE) if count == len(THREE) else [str(number) for number in range(count)]


def _class(method: str, score: float, thresholds: Thresholds) -> int:
    if isinstance(thresholds, str):
        return SCHEMES[thresholds].level(score)
    return class_of(score, DEFAULT_THRESHOLDS[method] if thresholds is None else thresholds)


def _compat(method: str, scene: compat.SeedScene | None, extremes: tuple[int, int] | None) -> Measure:
    if scene is None:
        return Measure(None, reason=NO_BOXES)
    if extremes is None and method == "normalised":
        return Measure(None, reason=NO_EXTREMES)
    return compat.measure(method, scene, extremes or (0, 0))
