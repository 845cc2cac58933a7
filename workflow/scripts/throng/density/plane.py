"""How tall a standing person appears at each foot row: a line that is zero at the horizon, fitted robustly.

With a level camera over a flat ground the height of a standing person in pixels is a linear function of the row of the
feet (Hoiem, Efros and Hebert, "Putting Objects in Perspective", IJCV 2008). The same holds of any part of the body, so
head sizes against head rows are fitted by the same line.
"""

from dataclasses import dataclass

import numpy as np

LEAST_PEOPLE = 6
LEAST_SPREAD = 0.06  # of the image height, between the feet of the people who agree with the plane
LEAST_AGREEING = 0.5  # share of the people
TOLERANCE = 0.15  # relative difference of heights that still agrees
HYPOTHESES = 3000
REFITS = 3
LEAST_SLOPE = 1e-3
NOBODY_GROWS = "no plane: people are not taller the lower they stand in the image"
NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Plane:
    """Person height in pixels = ``slope`` * (foot row - ``horizon``)."""

    slope: float
    horizon: float

    def height_at(self, foot: np.ndarray | float) -> np.ndarray | float:
        """Return the height in pixels of a person whose feet are at row ``foot``; not positive above the horizon."""
        return self.slope * (foot - self.horizon)

    def foot_of(self, height: float) -> float:
        """Return the foot row at which a person is ``height`` pixels tall."""
        return self.horizon + height / self.slope


@dataclass(frozen=True)
class Fit:
    """A plane, the (N,) bool people who agree with it, and how well they determine it.

    ``residual`` is the standard deviation of their heights from the plane's, relative. ``slope_std`` is relative,
    ``horizon_std`` in pixels, ``correlation`` between the two. ``slope_by_focal`` and ``horizon_by_focal`` are how the
    logarithm of the slope and the horizon change with that of the focal length; they do for a tilted camera only.
    """

    plane: Plane
    agreeing: np.ndarray
    residual: float
    slope_std: float
    horizon_std: float
    correlation: float
    slope_by_focal: float = 0.0
    horizon_by_focal: float = 0.0


def fit_plane(feet: np.ndarray, heights: np.ndarray, image_height: int) -> Plane | str:
    """Fit the plane to N people robustly, or return why they do not determine one, as "short kind: detail".

    ``feet`` (N,) rows and ``heights`` (N,) pixels, float. Every pair of people proposes a plane (at most 3,000 pairs,
    evenly taken); the one that most people agree with is refitted to those by least squares of the relative error.
    There is none when there are fewer than 6 people, fewer than half agree, their feet spread over less than 6 % of the
    image height, or nobody would grow towards the camera.
    """
    if len(feet) < LEAST_PEOPLE:
        return f"too few people: {len(feet)} of at least {LEAST_PEOPLE} show how tall they are"
    plane = _consensus(feet, heights)
    for _ in range(REFITS):
        if plane is None:
            return NOBODY_GROWS
        agreeing = agreeing_people(plane, feet, heights)
        if agreeing.sum() < LEAST_AGREEING * len(feet):
            return f"no plane: only {agreeing.sum()} of {len(feet)} people agree with the best one"
        if np.ptp(feet[agreeing]) < LEAST_SPREAD * image_height:
            return f"too little depth: the feet spread over {np.ptp(feet[agreeing]):.0f} of {image_height} rows"
        plane = _refit(feet[agreeing], heights[agreeing])
    return plane or NOBODY_GROWS


def judge(plane: Plane, feet: np.ndarray, heights: np.ndarray) -> Fit | str:
    """Return how well N people determine the plane that was fitted to them, or why they do not determine it.

    The covariance is the sandwich of least squares with leverage-corrected residuals (MacKinnon and White, "Some
    heteroskedasticity-consistent covariance matrix estimators", J. Econometrics 29, 1985, HC3), widened from the normal
    to Student's distribution.
    """
    from scipy.stats import t

    agreeing = agreeing_people(plane, feet, heights)
    number = int(agreeing.sum())
    if number < LEAST_PEOPLE:
        return f"too few people: {number} agree with the best plane, at least {LEAST_PEOPLE} must"
    terms = _terms(feet[agreeing], heights[agreeing])
    left = 1 - terms @ np.array([plane.slope, -plane.slope * plane.horizon])
    inverse = np.linalg.inv(terms.T @ terms)
    leverage = np.clip(np.einsum("ij,jk,ik->i", terms, inverse, terms), 0, 0.9)
    middle = (terms * (left / (1 - leverage))[:, None] ** 2).T @ terms
    widening = float(t.ppf(0.975, number - 2)) / NORMAL_95
    turn = np.array([[1.0, 0.0], [-plane.horizon, -1.0]]) / plane.slope  # to log slope and horizon
    covariance = turn @ inverse @ middle @ inverse @ turn.T * widening**2
    slope_std, horizon_std = np.sqrt(np.maximum(np.diag(covariance), 1e-18))
    correlation = float(np.clip(covariance[0, 1] / (slope_std * horizon_std), -0.9999, 0.9999))
    residual = float(np.sqrt(np.sum(left**2) / (number - 2)))
    return Fit(plane, agreeing, residual, float(slope_std), float(horizon_std), correlation)


def agreeing_people(plane: Plane, feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return (N,) bool: whose height is within 15 % of the plane's."""
    return _agreement(np.array(plane.slope), np.array(plane.horizon), feet, heights)


def _consensus(feet: np.ndarray, heights: np.ndarray) -> Plane | None:
    slopes, horizons = _proposals(feet, heights)
    if not slopes.size:
        return None
    agrees = _agreement(slopes[:, None], horizons[:, None], feet, heights)
    agreeing = agrees[np.argmax(agrees.sum(axis=1))]
    return _refit(feet[agreeing], heights[agreeing]) if agreeing.any() else None


def _proposals(feet: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.triu_indices(len(feet), 1)
    step = -(-len(first) // HYPOTHESES)
    first, second = first[::step], second[::step]
    apart = feet[second] - feet[first]
    usable = np.abs(apart) > 1e-6
    first, second, apart = first[usable], second[usable], apart[usable]
    slopes = (heights[second] - heights[first]) / apart
    growing = slopes > LEAST_SLOPE
    slopes, first = slopes[growing], first[growing]
    return slopes, feet[first] - heights[first] / slopes


def _agreement(slopes: np.ndarray, horizons: np.ndarray, feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    expected = slopes * (feet - horizons)
    return (expected > 0) & (np.abs(heights - expected) <= TOLERANCE * expected)


def _terms(feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    return np.stack([feet, np.ones(len(feet))], axis=1) / heights[:, None]


def _refit(feet: np.ndarray, heights: np.ndarray) -> Plane | None:
    slope, level = np.linalg.lstsq(_terms(feet, heights), np.ones(len(feet)), rcond=None)[0]
    return Plane(float(slope), float(-level / slope)) if slope > LEAST_SLOPE else None
