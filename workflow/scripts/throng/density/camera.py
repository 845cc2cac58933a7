"""The camera by the people before it: height, horizon and focal length with their intervals, or why they are not known.

Camera height = stature / slope of the body-height line, for a person of stature H is H (v - v0) / y pixels tall whose
feet are at row v before a camera y metres above the ground with its horizon at row v0. Before a camera that looks down
the line is a curve, see ``tilt``.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from throng.density.ground import HEAD_CENTRE, HEAD_OF_STATURE, STATURE_M, Ground, Spread
from throng.density.plane import NORMAL_95, Fit, Plane, fit_plane, judge
from throng.density.tilt import foreshortening, tilt_of
from throng.density.tilted import HEAD_DEPTH, Curve, People, bodies, fit_tilted, heads, judge_tilted

HEAD_STD = 0.08  # how far an image's heads may be from that share of the stature: hair, tightness of boxes
DETECTOR_STD = 0.04  # detectors draw boxes tight or loose, and people hidden in part pass for whole ones
FOOT_OF_STATURE = 0.152  # length of a foot (Drillis and Contini, 1966)
EXIF_STD = 0.02  # focal lengths are written in whole millimetres, and lenses breathe
MOST_RESIDUAL = 0.085  # heights spread evenly over all that agrees have 0.087: there is no plane among them
MOST_DOUBT = 2.0  # ratio of the ends of the camera height's interval
MOST_TILT = math.radians(36)  # by the horizon; heights are foreshortened then, and the true tilt is about 30
HEIGHT_BY_TILT = 1.5  # by how much the logarithm of the height is too large, per squared radian; see docs/ground.md
MOST_TILTED = math.radians(60)  # of a camera known to be tilted: beyond, heads and shoulders are seen, not heights
CORRECTIONS = 3

CameraKind = Literal["level", "tilted"]


@dataclass(frozen=True)
class Settings:
    """What is assumed of people and cameras: mean stature and its doubt in metres, focal length in longer sides.

    ``focal_spread`` is the focal length's relative standard deviation. A ``level`` camera's optical axis is horizontal
    and may meet the image at any row, a ``tilted`` one's meets it in its middle and may look down.
    """

    stature_m: float = STATURE_M
    stature_std_m: float = 0.05
    focal: float = 1.0
    focal_spread: float = 0.2
    camera: CameraKind = "level"


@dataclass(frozen=True)
class View:
    """An image's size and focal length in pixels, its relative standard deviation, and the people's stature.

    ``axis`` is the row of the optical axis of a camera that may be tilted, None of a level one.
    """

    width: int
    height: int
    focal_px: float
    focal_std: float
    stature_m: float
    stature_std: float
    axis: float | None = None


def view_of(width: int, height: int, focal_px: float | None, settings: Settings) -> View:
    """Return what is known of an image before anybody in it was looked at."""
    known = focal_px is not None and math.isfinite(focal_px) and focal_px > 0
    focal = float(focal_px) if focal_px is not None and known else settings.focal * max(width, height)
    spread = EXIF_STD if known else settings.focal_spread
    axis = (height - 1) / 2 if settings.camera == "tilted" else None
    return View(width, height, focal, spread, settings.stature_m, settings.stature_std_m / settings.stature_m, axis)


def by_bodies(view: View, feet: np.ndarray, heights: np.ndarray, doubt: float = 0.0) -> tuple[Ground, np.ndarray] | str:
    """Return the ground by the boxes of whole people, and their (N,) foot rows; or why it is not determined.

    ``feet`` (N,) are the rows at which boxes end and ``heights`` (N,) their heights. Seen from above, a box ends at the
    tips of the shoes, nearer to the camera than where the person stands by half a foot's length. ``doubt`` is by how
    much all heights may be wrong together, relative standard deviation.
    """
    rows, tall = feet, heights
    plane = _fitted(view, rows, tall, bodies)
    for _ in range(CORRECTIONS):
        if isinstance(plane, str):
            return plane
        shoes = shoes_px(plane, view.focal_px, feet, heights, view.axis)
        rows, tall = feet - shoes, heights - shoes
        plane = _fitted(view, rows, tall, bodies, plane)
    fit = plane if isinstance(plane, str) else _judged(view, plane, rows, tall, bodies)
    ground = fit if isinstance(fit, str) else _ground(view, _doubted(fit, doubt))
    return ground if isinstance(ground, str) else (ground, rows)


def _fitted(
    view: View, rows: np.ndarray, heights: np.ndarray, curve: Curve, before: Plane | None = None
) -> Plane | str:
    if view.axis is None:
        return fit_plane(rows, heights, view.height)
    return fit_tilted(People(rows, heights, view.height, view.axis, curve), view.focal_px, before)


def _judged(view: View, plane: Plane, rows: np.ndarray, heights: np.ndarray, curve: Curve) -> Fit | str:
    if view.axis is None:
        return judge(plane, rows, heights)
    return judge_tilted(plane, People(rows, heights, view.height, view.axis, curve), view.focal_px, view.focal_std)


def shoes_px(
    plane: Plane, focal_px: float, feet: np.ndarray, heights: np.ndarray, axis: float | None = None
) -> np.ndarray:
    """Return the (N,) pixels by which boxes end below where people stand, by half the length of a foot.

    Half a foot nearer, the ground is seen lower by that, as a share of the height before a level camera, times the
    distance from the horizon times cos2 t / f. A tilted camera may be so steep above that shoes are a tenth of a box.
    """
    below = feet - plane.horizon
    if axis is None:
        return FOOT_OF_STATURE / 2 * np.clip(below / focal_px, 0, 1) * heights
    tilt = tilt_of(axis, plane.horizon, focal_px)
    nearer = FOOT_OF_STATURE / 2 * np.maximum(below, 0) / focal_px * math.cos(tilt) ** 2
    shoes = np.zeros(len(feet))
    for _ in range(CORRECTIONS):
        share = nearer / foreshortening(plane.slope, below - shoes, focal_px, tilt)
        shoes = heights * share / (1 + share)
    return shoes


def by_heads(view: View, rows: np.ndarray, heights: np.ndarray) -> Ground | str:
    """Return the ground by N people's head boxes: rows of their centres and heights, (N,) pixels; or why there is none.

    A head e H tall whose centre is c H above the ground is e H (v - v0) / (y - c H) pixels tall at row v, so the line's
    slope k gives y = H (e / k + c), with e = 0.135 and c = 0.9325. Seen from above, a head appears taller by its
    depth, as an ellipsoid does.
    """
    upright = heights
    plane = _fitted(view, rows, upright, heads)
    for _ in range(CORRECTIONS if view.axis is None else 0):
        if isinstance(plane, str):
            return plane
        upright = heights / np.hypot(1, HEAD_DEPTH * (rows - plane.horizon) / view.focal_px)
        plane = _fitted(view, rows, upright, heads)
    fit = plane if isinstance(plane, str) else _judged(view, plane, rows, upright, heads)
    if isinstance(fit, str):
        return fit
    fit = _doubted(fit, HEAD_STD)
    above = HEAD_OF_STATURE / fit.plane.slope
    share = above / (above + HEAD_CENTRE)
    bodies = Fit(
        Plane(1 / (above + HEAD_CENTRE), fit.plane.horizon),
        fit.agreeing,
        fit.residual,
        share * fit.slope_std,
        fit.horizon_std,
        fit.correlation,
        share * fit.slope_by_focal,
        fit.horizon_by_focal,
    )
    return _ground(view, bodies)


def _doubted(fit: Fit, doubt: float) -> Fit:
    """Widen the slope's standard deviation by a doubt that has nothing to do with the horizon."""
    slope_std = math.hypot(fit.slope_std, doubt)
    correlation = fit.correlation * fit.slope_std / slope_std
    return dataclasses.replace(fit, slope_std=slope_std, correlation=correlation)


def _ground(view: View, fit: Fit) -> Ground | str:
    if fit.residual > MOST_RESIDUAL:
        return f"high residual: body heights differ from the plane's by {100 * fit.residual:.0f} %"
    steep = _too_steep(view, fit.plane)
    if steep:
        return steep
    camera = view.stature_m / fit.plane.slope
    by_focal = fit.slope_by_focal * view.focal_std
    around = NORMAL_95 * math.hypot(view.stature_std, fit.slope_std, by_focal)
    low, high = camera * math.exp(-around), camera * math.exp(around)
    if high > MOST_DOUBT * low:
        return f"too uncertain: the camera may be {low:.1f} to {high:.1f} m high"
    mistaken = _seeming_tilt(view, fit.plane) if view.axis is None else 0.0
    blur = math.exp(NORMAL_95 * view.focal_std)
    return Ground(
        fit.plane.horizon,
        (view.width - 1) / 2,
        camera,
        view.focal_px,
        (low * math.exp(-HEIGHT_BY_TILT * mistaken**2), high),
        (view.focal_px / blur, view.focal_px * blur),
        view.stature_m,
        Spread(
            fit.horizon_std,
            fit.slope_std,
            fit.correlation,
            view.stature_std,
            view.focal_std,
            mistaken,
            fit.slope_by_focal,
            fit.horizon_by_focal,
        ),
        view.axis,
    )


def _seeming_tilt(view: View, plane: Plane) -> float:
    """Return by how many radians a camera of that horizon looks down if its axis is the image's middle."""
    return math.atan(max((view.height - 1) / 2 - plane.horizon, 0) / view.focal_px)


def _too_steep(view: View, plane: Plane) -> str:
    tilt = _seeming_tilt(view, plane)
    if view.axis is None and tilt > MOST_TILT:
        return f"too steep: the camera seems to look down by {math.degrees(tilt):.0f} degrees, and must be nearly level"
    if tilt > MOST_TILTED:
        return (
            f"too steep: the camera looks down by {math.degrees(tilt):.0f} degrees, too much to see how tall people are"
        )
    return ""
