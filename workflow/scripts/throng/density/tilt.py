"""How a camera that looks down shows bodies: shorter the nearer they stand, and a little larger at the top.

Let the optical axis pass through row c and the horizon be at v0, so that the tilt is t = atan((c - v0) / f). A
place on the ground that is s = v - v0 pixels below the horizon is d = f y / (s cos t) metres away along the axis, and
the crown of a person of stature H there is H sin t nearer. Projecting feet and crown gives a height of

    h = k s (1 - q) / (1 - k q) pixels, k = H / y, q = s sin t cos t / f,

where k s is the height before a level camera, 1 - q the foreshortening, (Z / d) cos t, and 1 / (1 - k q) how much
nearer the crown is than the feet. With t = 0, q is 0.
"""

import math
from typing import TypeVar

import numpy as np

Rows = TypeVar("Rows", float, np.ndarray)
LEAST = 0.05  # of what would be divided by: nobody is so near that his crown touches the lens


def tilt_of(axis: float | None, horizon: float, focal_px: float) -> float:
    """Return by how many radians a camera looks down by the rows of its axis and horizon; 0 for a level one, None."""
    return 0.0 if axis is None else math.atan((axis - horizon) / focal_px)


def closing(below: Rows, focal_px: float, tilt: float) -> Rows:
    """Return q of places ``below`` pixels under the horizon: the share of their distance that comes of the tilt.

    Along the axis, y sin t of the distance y sin t + Z cos t.
    """
    return below * (math.sin(tilt) * math.cos(tilt) / focal_px)


def foreshortening(slope: float, below: np.ndarray, focal_px: float, tilt: float) -> np.ndarray:
    """Return by what factor bodies appear taller than before a level camera, (N,), for feet ``below`` the horizon."""
    q = closing(below, focal_px, tilt)
    return np.maximum(1 - q, LEAST) / np.maximum(1 - slope * q, LEAST)


def steepness(below: np.ndarray, focal_px: float, tilt: float) -> np.ndarray:
    """Return the (N,) tangents of how far down one looks at rows ``below`` pixels under the horizon."""
    upright = np.maximum(1 - closing(below, focal_px, tilt), LEAST)
    return below / focal_px * (math.cos(tilt) ** 2 / upright)
