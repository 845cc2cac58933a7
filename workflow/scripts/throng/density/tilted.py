"""The body-height curve before a camera that looks down, fitted robustly: what ``plane`` is for a level one.

The curve of ``tilt`` has the slope k and the horizon as unknowns, the tilt following from the horizon. For a given
horizon everybody's own height names a slope, so horizons are tried one after another and the one is taken at which most
people agree on a slope; from there on, least squares of the relative error.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from throng.density.plane import (
    LEAST_AGREEING,
    LEAST_PEOPLE,
    LEAST_SLOPE,
    LEAST_SPREAD,
    NOBODY_GROWS,
    NORMAL_95,
    REFITS,
    TOLERANCE,
    Fit,
    Plane,
)
from throng.density.tilt import closing, foreshortening, steepness, tilt_of

HEAD_DEPTH = 0.76  # mean of a head's length and breadth, of its height
LEAST_TILT, MOST_TILT = math.radians(-20), math.radians(65)  # of the horizons tried
TRIED = 86
WINDOW = math.log((1 + TOLERANCE) / (1 - TOLERANCE))
STEP = 1e-4  # for derivatives: of the logarithm of the slope, and of the focal length for the horizon

Curve = Callable[[float, np.ndarray, float, float], np.ndarray]


@dataclass(frozen=True)
class People:
    """N people: ``rows`` (N,) and ``heights`` (N,) in pixels, in an image of ``image_height`` rows.

    ``axis`` is the row of the optical axis. ``curve`` gives the heights that a slope makes of (N,) rows below the
    horizon, with a focal length and a tilt: :func:`bodies` or :func:`heads`.
    """

    rows: np.ndarray
    heights: np.ndarray
    image_height: int
    axis: float
    curve: Curve

    def expected(self, log_slope: float, horizon: float, focal_px: float) -> np.ndarray:
        """Return the (N,) heights in pixels that people should have."""
        tilt = tilt_of(self.axis, horizon, focal_px)
        return self.curve(math.exp(log_slope), self.rows - horizon, focal_px, tilt)

    def agreeing(self, log_slope: float, horizon: float, focal_px: float) -> np.ndarray:
        """Return (N,) bool: whose height is within 15 % of the curve's."""
        expected = self.expected(log_slope, horizon, focal_px)
        return (expected > 0) & (np.abs(self.heights - expected) <= TOLERANCE * expected)

    def only(self, chosen: np.ndarray) -> "People":
        """Return those whom (N,) bool ``chosen`` names."""
        return People(self.rows[chosen], self.heights[chosen], self.image_height, self.axis, self.curve)


def bodies(slope: float, below: np.ndarray, focal_px: float, tilt: float) -> np.ndarray:
    """Return the (N,) heights of whole bodies whose feet are (N,) ``below`` the horizon."""
    return slope * below * foreshortening(slope, below, focal_px, tilt)


def heads(slope: float, below: np.ndarray, focal_px: float, tilt: float) -> np.ndarray:
    """Return the (N,) heights of heads whose centres are (N,) ``below`` the horizon, as ellipsoids seen from above."""
    deep = np.hypot(1, HEAD_DEPTH * steepness(below, focal_px, tilt))
    return slope * below * (1 - closing(below, focal_px, tilt)) * deep


def fit_tilted(people: People, focal_px: float, start: Plane | None = None) -> Plane | str:
    """Fit slope and horizon to people robustly, or return why they do not determine them, as ``plane.fit_plane`` does.

    The slope is what people's heights would rise by per row before a level camera. ``start`` is a plane known to be
    close, from which the fit starts instead of trying horizons.
    """
    if len(people.rows) < LEAST_PEOPLE:
        return f"too few people: {len(people.rows)} of at least {LEAST_PEOPLE} show how tall they are"
    found = (math.log(start.slope), start.horizon) if start else _start(people, focal_px)
    for _ in range(REFITS):
        agreeing = people.agreeing(*found, focal_px)
        if agreeing.sum() < LEAST_AGREEING * len(people.rows):
            return f"no plane: only {agreeing.sum()} of {len(people.rows)} people agree with the best one"
        spread = float(np.ptp(people.rows[agreeing]))
        if spread < LEAST_SPREAD * people.image_height:
            return f"too little depth: the feet spread over {spread:.0f} of {people.image_height} rows"
        found = _refit(people.only(agreeing), found, focal_px)
        if found is None:
            return NOBODY_GROWS
    return Plane(math.exp(found[0]), found[1])


def judge_tilted(plane: Plane, people: People, focal_px: float, focal_std: float) -> Fit | str:
    """Return how well people determine the plane that was fitted to them, as ``plane.judge`` does.

    What another focal length would do to it is the difference of fits with one a standard deviation longer and shorter.
    """
    from scipy.stats import t

    start = math.log(plane.slope), plane.horizon
    agreeing = people.agreeing(*start, focal_px)
    number = int(agreeing.sum())
    if number < LEAST_PEOPLE:
        return f"too few people: {number} agree with the best plane, at least {LEAST_PEOPLE} must"
    some = people.only(agreeing)
    left = 1 - some.expected(*start, focal_px) / some.heights
    terms = _slopes(some, start, focal_px)
    inverse = np.linalg.pinv(terms.T @ terms)
    leverage = np.clip(np.einsum("ij,jk,ik->i", terms, inverse, terms), 0, 0.9)
    middle = (terms * (left / (1 - leverage))[:, None] ** 2).T @ terms
    widening = float(t.ppf(0.975, number - 2)) / NORMAL_95
    covariance = inverse @ middle @ inverse * widening**2
    slope_std, horizon_std = np.sqrt(np.maximum(np.diag(covariance), 1e-18))
    correlation = float(np.clip(covariance[0, 1] / (slope_std * horizon_std), -0.9999, 0.9999))
    residual = float(np.sqrt(np.sum(left**2) / (number - 2)))
    step = max(focal_std, STEP)
    ends = [_refit(some, start, focal_px * math.exp(sign * step)) for sign in (-1, 1)]
    if ends[0] is None or ends[1] is None:
        return NOBODY_GROWS
    by_focal = (np.array(ends[1]) - np.array(ends[0])) / (2 * step)
    return Fit(
        plane,
        agreeing,
        residual,
        float(slope_std),
        float(horizon_std),
        correlation,
        float(by_focal[0]),
        float(by_focal[1]),
    )


def _start(people: People, focal_px: float) -> tuple[float, float]:
    """Return the logarithm of the slope and the horizon on which most people agree; of equals, the closest."""
    best = (0, -np.inf, 0.0, 0.0)
    for tilt in np.linspace(LEAST_TILT, MOST_TILT, TRIED):
        horizon = people.axis - focal_px * math.tan(tilt)
        slopes = np.sort(_own_slopes(people, horizon, focal_px))
        if not slopes.size:
            continue
        sizes = np.searchsorted(slopes, slopes + WINDOW, side="right") - np.arange(len(slopes))
        first = int(np.argmax(sizes))
        agreed = slopes[first : first + sizes[first]]
        best = max(best, (int(sizes[first]), -float(agreed.std()), float(agreed.mean()), horizon))
    return best[2], best[3]


def _own_slopes(people: People, horizon: float, focal_px: float) -> np.ndarray:
    """Return the logarithms of the slopes by which people would have their heights; of those who can have any.

    A height is k s (1 - q) / (1 - k q) of a body and proportional to k of a head, for which 1 is as good a slope.
    """
    tilt = tilt_of(people.axis, horizon, focal_px)
    below = people.rows - horizon
    seen = (below > 0) & (closing(below, focal_px, tilt) < 1)
    below, heights = below[seen], people.heights[seen]
    if people.curve is bodies:
        q = closing(below, focal_px, tilt)
        return np.log(heights / np.maximum(below * (1 - q) + heights * q, 1e-9))
    return np.log(heights / np.maximum(people.curve(1.0, below, focal_px, tilt), 1e-9))


def _refit(people: People, start: tuple[float, float], focal_px: float) -> tuple[float, float] | None:
    from scipy.optimize import least_squares

    def off(at: np.ndarray) -> np.ndarray:
        return 1 - people.expected(float(at[0]), float(at[1]) * focal_px, focal_px) / people.heights

    found = least_squares(off, (start[0], start[1] / focal_px), method="lm", max_nfev=60)
    log_slope, horizon = float(found.x[0]), float(found.x[1]) * focal_px
    return (log_slope, horizon) if math.isfinite(horizon) and log_slope > math.log(LEAST_SLOPE) else None


def _slopes(people: People, at: tuple[float, float], focal_px: float) -> np.ndarray:
    """Return the (N, 2) derivatives of the relative heights by the logarithm of the slope and by the horizon."""
    steps = (STEP, 0.0), (0.0, STEP * focal_px)
    columns = []
    for step in steps:
        ends = [people.expected(at[0] + s * step[0], at[1] + s * step[1], focal_px) for s in (-1, 1)]
        columns.append((ends[1] - ends[0]) / (2 * sum(step)) / people.heights)
    return np.stack(columns, 1)
