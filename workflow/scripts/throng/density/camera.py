"""The camera by the people before it: height, horizon and focal length with their intervals, or why they are not known.

Camera height = stature / slope of the body-height line, for a person of stature H is H (v - v0) / y pixels tall whose
feet are at row v before a camera y metres above the ground with its horizon at row v0.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from throng.density.ground import HEAD_CENTRE, HEAD_OF_STATURE, STATURE_M, Ground, Spread
from throng.density.plane import NORMAL_95, Fit, Plane, fit_plane, judge

HEAD_STD = 0.08  # how far an image's heads may be from that share of the stature: hair, tightness of boxes
DETECTOR_STD = 0.04  # detectors draw boxes tight or loose, and people hidden in part pass for whole ones
HEAD_DEPTH = 0.76  # mean of a head's length and breadth, of its height
FOOT_OF_STATURE = 0.152  # length of a foot (Drillis and Contini, 1966)
EXIF_STD = 0.02  # focal lengths are written in whole millimetres, and lenses breathe
MOST_RESIDUAL = 0.085  # heights spread evenly over all that agrees have 0.087: there is no plane among them
MOST_DOUBT = 2.0  # ratio of the ends of the camera height's interval
MOST_TILT = math.radians(36)  # by the horizon; heights are foreshortened then, and the true tilt is about 30
HEIGHT_BY_TILT = 1.5  # by how much the logarithm of the height is too large, per squared radian; see docs/ground.md
CORRECTIONS = 3


@dataclass(frozen=True)
class Settings:
    """What is assumed of people and cameras: mean stature and its doubt in metres, focal length in longer sides.

    ``focal_spread`` is the focal length's relative standard deviation.
    """

    stature_m: float = STATURE_M
    stature_std_m: float = 0.05
    focal: float = 1.0
    focal_spread: float = 0.2


@dataclass(frozen=True)
class View:
    """An image's size and focal length in pixels, its relative standard deviation, and the people's stature."""

    width: int
    height: int
    focal_px: float
    focal_std: float
    stature_m: float
    stature_std: float


def view_of(width: int, height: int, focal_px: float | None, settings: Settings) -> View:
    """Return what is known of an image before anybody in it was looked at."""
    known = focal_px is not None and math.isfinite(focal_px) and focal_px > 0
    focal = float(focal_px) if focal_px is not None and known else settings.focal * max(width, height)
    spread = EXIF_STD if known else settings.focal_spread
    return View(width, height, focal, spread, settings.stature_m, settings.stature_std_m / settings.stature_m)


def by_bodies(view: View, feet: np.ndarray, heights: np.ndarray, doubt: float = 0.0) -> tuple[Ground, np.ndarray] | str:
    """Return the ground by the boxes of whole people, and their (N,) foot rows; or why it is not determined.

    ``feet`` (N,) are the rows at which boxes end and ``heights`` (N,) their heights. Seen from above, a box ends at the
    tips of the shoes, nearer to the camera than where the person stands by half a foot's length. ``doubt`` is by how
    much all heights may be wrong together, relative standard deviation.
    """
    rows, tall = feet, heights
    plane = fit_plane(rows, tall, view.height)
    for _ in range(CORRECTIONS):
        if isinstance(plane, str):
            return plane
        shoes = shoes_px(plane, view.focal_px, feet, heights)
        rows, tall = feet - shoes, heights - shoes
        plane = fit_plane(rows, tall, view.height)
    fit = plane if isinstance(plane, str) else judge(plane, rows, tall)
    ground = fit if isinstance(fit, str) else _ground(view, _doubted(fit, doubt))
    return ground if isinstance(ground, str) else (ground, rows)


def shoes_px(plane: Plane, focal_px: float, feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the (N,) pixels by which boxes end below where people stand, by half the length of a foot."""
    steepness = np.clip((feet - plane.horizon) / focal_px, 0, 1)
    return FOOT_OF_STATURE / 2 * steepness * heights


def by_heads(view: View, rows: np.ndarray, heights: np.ndarray) -> Ground | str:
    """Return the ground by N people's head boxes: rows of their centres and heights, (N,) pixels; or why there is none.

    A head e H tall whose centre is c H above the ground is e H (v - v0) / (y - c H) pixels tall at row v, so the line's
    slope k gives y = H (e / k + c), with e = 0.135 and c = 0.9325. Seen from above, a head appears taller by its
    depth, as an ellipsoid does.
    """
    upright = heights
    plane = fit_plane(rows, upright, view.height)
    for _ in range(CORRECTIONS):
        if isinstance(plane, str):
            return plane
        upright = heights / np.hypot(1, HEAD_DEPTH * (rows - plane.horizon) / view.focal_px)
        plane = fit_plane(rows, upright, view.height)
    fit = plane if isinstance(plane, str) else judge(plane, rows, upright)
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
    tilt = math.atan(max((view.height - 1) / 2 - fit.plane.horizon, 0) / view.focal_px)
    if tilt > MOST_TILT:
        return f"too steep: the camera seems to look down by {math.degrees(tilt):.0f} degrees, and must be nearly level"
    camera = view.stature_m / fit.plane.slope
    around = NORMAL_95 * math.hypot(view.stature_std, fit.slope_std)
    low, high = camera * math.exp(-around), camera * math.exp(around)
    if high > MOST_DOUBT * low:
        return f"too uncertain: the camera may be {low:.1f} to {high:.1f} m high"
    blur = math.exp(NORMAL_95 * view.focal_std)
    return Ground(
        fit.plane.horizon,
        (view.width - 1) / 2,
        camera,
        view.focal_px,
        (low * math.exp(-HEIGHT_BY_TILT * tilt**2), high),
        (view.focal_px / blur, view.focal_px * blur),
        view.stature_m,
        Spread(fit.horizon_std, fit.slope_std, fit.correlation, view.stature_std, view.focal_std, tilt),
    )
