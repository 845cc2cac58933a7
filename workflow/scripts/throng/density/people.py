"""The people of an image as density is measured by: where they stand, how tall they appear, and on what ground.

Only people who count are taken: tag ``person`` and not ignored. What tells how tall they appear is, in this order, full
boxes, head boxes, visible boxes of a synthetic image, boxes detected in the same photograph, the heads' own spacing.
"""

import dataclasses
import logging
from dataclasses import dataclass

import numpy as np

from throng.density.boxes import detected_boxes, feet_show, is_guess, stacked, usable, within_frame
from throng.density.camera import DETECTOR_STD, Settings, View, by_bodies, by_heads, shoes_px, view_of
from throng.density.crowd import Crowd
from throng.density.ground import HEAD_CENTRE, HEAD_OF_STATURE, LEAST_ABOVE, Ground
from throng.density.neighbours import mean_nearest
from throng.density.plane import LEAST_PEOPLE, Plane, agreeing_people
from throng.density.tilt import foreshortening
from throng.errors import ThrongError
from throng.manifest import OK
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow, Person, point_array
from throng.tables.synthetic import SyntheticRow

__all__ = ["Settings", "photographed", "synthesised"]

log = logging.getLogger(__name__)
FULL, HEADS, VISIBLE, DETECTED, SPACING = "full-boxes", "head-boxes", "visible-boxes", "detected-boxes", "spacing"
NEIGHBOURS = 3
SPACING_OF_HEIGHT = 0.6  # two people stand about a metre apart
LEAST_SPACING = 0.1  # of the median one, where the line falls below
MOST_SPACINGS = 500
MOST_ABOVE = 0.05  # share of the heads above the horizon of a plane that still holds
SLENDER = (1.7, 4.5)  # height over width of a standing person's box
EDGE = 0.5  # a box begins half a pixel before the centre of its first pixel
NOBODY = "nobody: there are no people in the image"


@dataclass(frozen=True)
class _Placed:
    """Feet (N, 2) and heights (N,) of people, what told them, the ground, or why there is none."""

    feet: np.ndarray | None
    heights: np.ndarray | None
    scale: str
    ground: Ground | None
    reason: str


def photographed(row: ImageRow, found: DetectionRow | None, settings: Settings) -> Crowd:
    """Return the people of a labelled photograph; ``found`` are the people detected in it, None for no detection.

    The head point of a person that has none is the head box's centre, else that of the full or visible box's top.
    Raises ThrongError for a photograph whose people nobody counted.
    """
    if row.points is None:
        raise ThrongError(f"{row.source}/{row.path} has no head points: only a labelled photograph has a density")
    points = point_array(row.points)
    people = None if row.people is None else [p for p in row.people if p["tag"] == "person" and not p["ignore"]]
    view = view_of(row.width, row.height, row.focal_px, settings)
    if people is None:
        detected = np.zeros((0, 4))
        if found is not None and found.status == OK and not is_guess(row, found):
            boxes = detected_boxes(found)
            _tell(usable(boxes), "detected", f"{row.source}/{row.path}")
            detected = within_frame(boxes[usable(boxes)], row.height)
        return _crowd(view, points, _by_detections(view, points, detected))
    if len(people) != len(points):
        points = _head_points(row, people)
    full = stacked([person["full"] for person in people])
    heads = stacked([None if person["head_ignore"] else person["head"] for person in people])
    return _crowd(view, points, _by_annotations(view, points, full, heads, f"{row.source}/{row.path}"))


def synthesised(row: SyntheticRow, count: float, settings: Settings) -> Crowd:
    """Return the people of a synthetic image: exact ones, or their calibrated ``count`` where nobody knows more.

    Its camera is that of the photograph it was made on, and level where it was rendered or drawn.
    """
    if not row.background_id:
        settings = dataclasses.replace(settings, camera="level")
    if row.points is None:
        reason = "no positions: nobody knows where the people of this image are"
        return Crowd(row.width, row.height, count, ground_reason=reason)
    points = point_array(row.points)
    view = view_of(row.width, row.height, None, settings)
    if row.boxes is None or len(row.boxes) != len(points):
        return _crowd(view, points, _by_spacing(points, "no boxes: nothing tells how tall the people appear"))
    boxes = stacked(list(row.boxes))
    _tell(np.isfinite(boxes[:, 3]), "visible", row.id)
    return _crowd(view, points, _by_visible(view, points, boxes))


def _tell(good: np.ndarray, kind: str, name: str) -> None:
    if not good.all():
        log.info("%s: %d of %d people have no usable %s box", name, (~good).sum(), len(good), kind)


def _crowd(view: View, points: np.ndarray, placed: _Placed) -> Crowd:
    if len(points) == 0:
        nowhere = np.zeros((0, 2))
        return Crowd(view.width, view.height, 0.0, nowhere, nowhere, np.zeros(0), ground_reason=NOBODY)
    return Crowd(
        view.width,
        view.height,
        float(len(points)),
        points,
        placed.feet,
        placed.heights,
        placed.scale,
        placed.ground,
        placed.reason,
    )


def _head_points(row: ImageRow, people: list[Person]) -> np.ndarray:
    points = []
    for number, person in enumerate(people):
        sizes = stacked([person["head"], person["full"], person["visible"]])
        shares = (1.0, HEAD_OF_STATURE, HEAD_OF_STATURE)
        known = [(box, share) for box, share in zip(sizes, shares, strict=True) if np.isfinite(box).all()]
        if not known:
            raise ThrongError(
                f"{row.source}/{row.path}: person {number} has neither a head point nor a box that could be used; "
                f"correct or ignore that person in the annotation"
            )
        (x, y, wide, tall), share = known[0]
        points.append((x + wide / 2 - EDGE, y + tall * share / 2 - EDGE))
    return np.array(points, float).reshape(-1, 2)


def _by_annotations(view: View, points: np.ndarray, full: np.ndarray, heads: np.ndarray, name: str) -> _Placed:
    bodies, faces = np.isfinite(full[:, 3]), np.isfinite(heads[:, 3])
    if bodies.sum() >= LEAST_PEOPLE or (bodies.any() and bodies.sum() >= faces.sum()):
        _tell(bodies, "full", name)
        return _by_bodies(view, points, full, bodies, FULL)
    if faces.any():
        _tell(faces, "head", name)
        return _by_head_boxes(view, points, heads, faces)
    return _by_spacing(points, "no boxes: no person has a usable full or head box")


def _by_bodies(view: View, points: np.ndarray, boxes: np.ndarray, known: np.ndarray, scale: str) -> _Placed:
    """Place people by their own boxes; those without a usable one by the ground, else as the next heads are."""
    ends, tall = boxes[known, 1] + boxes[known, 3] - EDGE, boxes[known, 3]
    got = by_bodies(view, ends, tall)
    ground, reason = (None, got) if isinstance(got, str) else (got[0], "")
    rows = ends if isinstance(got, str) else got[1]
    feet, heights = np.full((len(points), 2), np.nan), np.full(len(points), np.nan)
    middles = boxes[known, 0] + boxes[known, 2] / 2 - EDGE
    feet[known] = np.stack([middles if ground is None else ground.columns_of(middles, rows), rows], 1)
    heights[known] = tall - (ends - rows)
    return _Placed(*_filled(points, feet, heights, ground), scale, ground, reason)


def _filled(
    points: np.ndarray, feet: np.ndarray, heights: np.ndarray, ground: Ground | None
) -> tuple[np.ndarray, np.ndarray]:
    """Give the people without a height that of the ground, else that of the people whose heads are next in height."""
    lack = ~np.isfinite(heights)
    if not lack.any():
        return feet, heights
    feet, heights = feet.copy(), heights.copy()
    if ground is not None and ground.lens_above_heads >= LEAST_ABOVE:
        feet[lack] = ground.feet_of(points[lack])
        heights[lack] = ground.heights_at(feet[lack])
    else:
        told = np.flatnonzero(~lack)[np.argsort(points[~lack, 1], kind="stable")]
        heights[lack] = np.interp(points[lack, 1], points[told, 1], heights[told])
        feet[lack] = points[lack] + np.stack([np.zeros(lack.sum()), HEAD_CENTRE * heights[lack]], 1)
    return feet, heights


def _by_head_boxes(view: View, points: np.ndarray, boxes: np.ndarray, known: np.ndarray) -> _Placed:
    """Place people by the ground that their heads determine, else each by the size of the own head."""
    rows = boxes[known, 1] + boxes[known, 3] / 2 - EDGE
    ground = by_heads(view, rows, boxes[known, 3])
    if not isinstance(ground, str):
        ground = _holds(ground, points)
    if not isinstance(ground, str):
        feet = ground.feet_of(points)
        return _Placed(feet, ground.heights_at(feet), HEADS, ground, "")
    feet, heights = np.full((len(points), 2), np.nan), np.full(len(points), np.nan)
    heights[known] = boxes[known, 3] / HEAD_OF_STATURE
    feet[known] = np.stack([points[known, 0], rows + HEAD_CENTRE * heights[known]], 1)
    return _Placed(*_filled(points, feet, heights, None), HEADS, None, ground)


def _by_detections(view: View, points: np.ndarray, boxes: np.ndarray) -> _Placed:
    """Place heads on the ground that detected people determine whose feet are seen."""
    shape = boxes[:, 3] / np.maximum(boxes[:, 2], 1e-9)
    whole = boxes[feet_show(boxes) & (shape >= SLENDER[0]) & (shape <= SLENDER[1])]
    got = by_bodies(view, whole[:, 1] + whole[:, 3] - EDGE, whole[:, 3], DETECTOR_STD)
    ground = got if isinstance(got, str) else _holds(got[0], points)
    if isinstance(ground, str):
        return _by_spacing(points, ground)
    feet = ground.feet_of(points)
    return _Placed(feet, ground.heights_at(feet), DETECTED, ground, "")


def _by_visible(view: View, points: np.ndarray, boxes: np.ndarray) -> _Placed:
    """Place people by what is seen of them: those whose feet others hide, by the ground of those whose feet show."""
    known = np.isfinite(boxes[:, 3])
    shown = known.copy()
    shown[known] = feet_show(boxes[known])
    shown &= boxes[:, 1] + boxes[:, 3] < view.height - EDGE
    if not shown.any():
        return _by_spacing(points, "no feet: nobody's feet are seen")
    ends, tall = boxes[shown, 1] + boxes[shown, 3] - EDGE, boxes[shown, 3]
    got = by_bodies(view, ends, tall)
    if isinstance(got, str) or isinstance(_holds(got[0], points), str):
        return _by_bodies(view, points, boxes, shown, VISIBLE)
    ground = got[0]
    plane = Plane(ground.stature_m / ground.camera_height_m, ground.horizon)
    shoes = shoes_px(plane, ground.focal_px, ends, tall, ground.axis)
    agreeing = shown.copy()
    upright = foreshortening(plane.slope, ends - shoes - plane.horizon, ground.focal_px, ground.tilt)
    agreeing[shown] = agreeing_people(plane, ends - shoes, (tall - shoes) / upright)
    feet = ground.feet_of(points)
    feet[agreeing, 1] = (ends - shoes)[agreeing[shown]]
    return _Placed(feet, ground.heights_at(feet), VISIBLE, ground, "")


def _holds(ground: Ground, points: np.ndarray) -> Ground | str:
    """Return the ground if heads can be placed on it, else why not."""
    if ground.lens_above_heads < LEAST_ABOVE:
        return f"eye level: {ground.camera_height_m:.1f} m above the ground, heads do not tell where people stand"
    above = int((points[:, 1] <= ground.horizon).sum())
    if above > MOST_ABOVE * len(points):
        return f"no plane: {above} of {len(points)} heads are above the horizon of the best one"
    return ground


def _by_spacing(points: np.ndarray, reason: str) -> _Placed:
    """Give people heights that fit the spacing of their heads, a line over the rows; there is no ground in metres.

    The mean distance of a head to its three nearest is taken for 0.6 body heights, about a metre (after the
    geometry-adaptive kernels of Zhang et al., "Single-Image Crowd Counting via Multi-Column CNN", CVPR 2016).
    """
    from scipy.stats import siegelslopes

    if len(points) < LEAST_PEOPLE:
        return _Placed(None, None, "", None, reason)
    sizes = np.maximum(mean_nearest(points, NEIGHBOURS), 1.0)
    rows = points[:, 1]
    some = np.argsort(rows, kind="stable")[np.linspace(0, len(rows) - 1, min(len(rows), MOST_SPACINGS)).astype(int)]
    slope = max(float(np.asarray(siegelslopes(sizes[some], rows[some]))[0]), 0.0) if np.ptp(rows[some]) > 0 else 0.0
    fitted = float(np.median(sizes - slope * rows)) + slope * rows
    heights = np.maximum(fitted, LEAST_SPACING * float(np.median(sizes))) / SPACING_OF_HEIGHT
    feet = points + np.stack([np.zeros(len(points)), HEAD_CENTRE * heights], 1)
    return _Placed(feet, heights, SPACING, None, reason)
