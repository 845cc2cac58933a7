"""The ground plane of a photograph: how tall a person appears at each foot row, and where on the ground a pixel is.

With a level camera over a flat ground the height of a standing person in pixels is a linear function of the row of the
feet, zero at the horizon (Hoiem, Efros and Hebert, "Putting Objects in Perspective", IJCV 2008).
"""

from dataclasses import dataclass

import numpy as np

STATURE_M = 1.7
LEAST_PEOPLE = 6
LEAST_SPREAD = 0.06  # of the image height, between the feet of the people who agree with the plane
LEAST_AGREEING = 0.5  # share of the people
TOLERANCE = 0.15  # relative difference of heights that still agrees
HYPOTHESES = 3000
REFITS = 3
STANDARD_HORIZON, STANDARD_SLOPE = 0.25, 0.45  # of a camera that looks down on a square, over the image height


@dataclass(frozen=True)
class GroundPlane:
    """Person height in pixels = ``slope`` * (foot row - ``horizon``)."""

    slope: float
    horizon: float

    def height_at(self, foot: np.ndarray | float) -> np.ndarray | float:
        """Return the height in pixels of a person whose feet are at row ``foot``; not positive above the horizon."""
        return self.slope * (foot - self.horizon)

    def foot_of(self, height: float) -> float:
        """Return the foot row at which a person is ``height`` pixels tall."""
        return self.horizon + height / self.slope

    def to_ground(self, feet: np.ndarray, width: int) -> np.ndarray:
        """Turn (N, 2) foot pixels into (N, 2) metres: aside from the middle of the view, away from the camera.

        The focal length is taken as the image width (a view of 53 degrees).
        """
        per_metre = self.slope * (feet[:, 1] - self.horizon) / STATURE_M
        return np.stack([(feet[:, 0] - width / 2) / per_metre, width / per_metre], axis=1)

    def pixel_of(self, aside: float, away: float, width: int) -> tuple[float, float]:
        """Return :meth:`to_image` of one position, which must lie before the camera."""
        per_metre = width / away
        return width / 2 + aside * per_metre, self.horizon + STATURE_M * per_metre / self.slope

    def to_image(self, ground: np.ndarray, width: int) -> np.ndarray:
        """Turn (N, 2) metres of :meth:`to_ground` into (N, 2) foot pixels."""
        per_metre = width / ground[:, 1]
        return np.stack(
            [width / 2 + ground[:, 0] * per_metre, self.horizon + STATURE_M * per_metre / self.slope], axis=1
        )


def standard_plane(height: int) -> GroundPlane:
    """Return the plane taken where nothing is known of the camera, for an image ``height`` pixels tall."""
    return GroundPlane(STANDARD_SLOPE, STANDARD_HORIZON * height)


def fit_ground_plane(feet: np.ndarray, heights: np.ndarray, image_height: int) -> GroundPlane | None:
    """Fit the plane to N people robustly, or return None where they do not determine one.

    ``feet`` (N,) rows and ``heights`` (N,) pixels, float. Every pair of people proposes a plane (at most 3,000 pairs,
    evenly taken); the one that most people agree with is refitted to those by least squares of the relative error.
    None when there are fewer than 6 people, fewer than half agree, their feet spread over less than 6 % of the image
    height, or nobody would grow towards the camera.
    """
    if len(feet) < LEAST_PEOPLE:
        return None
    slopes, horizons = _proposals(feet, heights)
    if not slopes.size:
        return None
    agrees = _agreement(slopes[:, None], horizons[:, None], feet, heights)
    agreeing = agrees[np.argmax(agrees.sum(axis=1))]
    if not agreeing.any():
        return None
    plane = _refit(feet[agreeing], heights[agreeing])
    for _ in range(REFITS):
        if plane is None:
            return None
        agreeing = agreeing_people(plane, feet, heights)
        if agreeing.sum() < LEAST_AGREEING * len(feet) or np.ptp(feet[agreeing]) < LEAST_SPREAD * image_height:
            return None
        plane = _refit(feet[agreeing], heights[agreeing])
    return plane


def agreeing_people(plane: GroundPlane, feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return (N,) bool: whose height is within 15 % of the plane's."""
    return _agreement(np.array(plane.slope), np.array(plane.horizon), feet, heights)


def _proposals(feet: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.triu_indices(len(feet), 1)
    step = -(-len(first) // HYPOTHESES)
    first, second = first[::step], second[::step]
    apart = feet[second] - feet[first]
    usable = np.abs(apart) > 1e-6
    first, second, apart = first[usable], second[usable], apart[usable]
    slopes = (heights[second] - heights[first]) / apart
    growing = slopes > 1e-3
    slopes, first = slopes[growing], first[growing]
    return slopes, feet[first] - heights[first] / slopes


def _agreement(slopes: np.ndarray, horizons: np.ndarray, feet: np.ndarray, heights: np.ndarray) -> np.ndarray:
    expected = slopes * (feet - horizons)
    return (expected > 0) & (np.abs(heights - expected) <= TOLERANCE * expected)


def _refit(feet: np.ndarray, heights: np.ndarray) -> GroundPlane | None:
    terms = np.stack([feet, np.ones(len(feet))], axis=1) / heights[:, None]
    slope, level = np.linalg.lstsq(terms, np.ones(len(feet)), rcond=None)[0]
    return GroundPlane(float(slope), float(-level / slope)) if slope > 1e-3 else None
