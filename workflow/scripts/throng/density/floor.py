"""Where on the floor, in metres, the pixels of a window are: through the camera, or by one scale for all of it."""

import math
from dataclasses import dataclass

import numpy as np

from throng.density.crowd import Crowd
from throng.density.ground import STATURE_M, Ground

FARTHEST_M = 1000.0
NEAREST_M = 0.1
ONE_SCALE = "one-scale"


@dataclass(frozen=True)
class Floor:
    """A flat floor: with ``ground`` in perspective, without it the window is a plan of ``pixels_per_metre``.

    A plan takes the picture for a view from straight above, so it holds for one size of people only: it is flagged.
    """

    ground: Ground | None
    pixels_per_metre: float

    @property
    def flags(self) -> tuple[str, ...]:
        """Return on what assumption the metres rest."""
        return () if self.ground else (ONE_SCALE,)

    @property
    def across(self) -> tuple[float, float]:
        """Return (c, s): at the depth z one pixel is c + s z metres wide."""
        return self.ground.across if self.ground else (1 / self.pixels_per_metre, 0.0)

    @property
    def centre(self) -> float:
        """Return the column that is 0 m aside, pixels."""
        return self.ground.centre if self.ground else 0.0

    def to_metres(self, feet: np.ndarray) -> np.ndarray:
        """Return (N, 2) float64 metres of (N, 2) foot pixels; feet at or above the horizon stand 1 km away."""
        if self.ground is None:
            return feet / self.pixels_per_metre
        lowest = self.ground.to_pixels(np.array([[0.0, FARTHEST_M]]))[0, 1]
        return self.ground.to_metres(np.stack([feet[:, 0], np.maximum(feet[:, 1], lowest)], 1))

    def to_pixels(self, metres: np.ndarray) -> np.ndarray:
        """Return (N, 2) float64 pixels of (N, 2) metres; in perspective nothing is nearer than 10 cm.

        Of a tilted camera, nothing is so near to the plane through it across its axis.
        """
        if self.ground is None:
            return metres * self.pixels_per_metre
        return self.ground.to_pixels(
            np.stack([metres[:, 0], np.maximum(metres[:, 1], NEAREST_M - self.ground.behind_m)], 1)
        )


def floor_of(crowd: Crowd) -> Floor | None:
    """Return the floor of a window, None where neither a ground nor body heights tell its scale.

    Without a ground, or where the window shows none of it, the scale is that of the median body height at 1.685 m.
    """
    if crowd.ground is not None and _nearest_m(crowd, crowd.ground) < FARTHEST_M:
        return Floor(crowd.ground, 0.0)
    if crowd.heights is None or len(crowd.heights) == 0:
        return None
    return Floor(None, float(np.median(crowd.heights)) / STATURE_M)


def _nearest_m(crowd: Crowd, ground: Ground) -> float:
    below = crowd.height - 0.5 - ground.horizon
    if below <= 0:
        return np.inf
    return ground.focal_px * ground.camera_height_m / below / math.cos(ground.tilt) ** 2 - ground.behind_m
