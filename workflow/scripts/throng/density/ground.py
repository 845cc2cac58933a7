"""The ground plane before a camera, level or tilted: where on the ground, in metres, a pixel is.

With a level pinhole camera at height y over a flat ground, horizon row v0 and focal length f in pixels, a foot pixel
(u, v) stands at X = (u - u0) y / (v - v0) metres aside of the camera and Z = f y / (v - v0) metres away (Hoiem, Efros
and Hebert, "Putting Objects in Perspective", IJCV 2008; Hartley and Zisserman, section 6.1). A person of stature H is
H (v - v0) / y pixels tall.

A camera that looks down by t, its optical axis through row c, has its horizon at v0 = c - f tan t. A place is
y sin t + Z cos t metres away along the axis, so that its row is v0 + f y / (cos t (y sin t + Z cos t)): the ground is
that of a level camera of height y / cos t and focal length f / cos t, y tan t metres behind. The rest is in ``tilt``.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from throng.density.tilt import LEAST, closing, foreshortening, tilt_of

STATURE_M = 1.685  # mean of adults
HEAD_OF_STATURE = 0.135  # 0.130 from chin to crown (Drillis and Contini, 1966), and hair
HEAD_CENTRE = 1 - HEAD_OF_STATURE / 2  # height of the head's centre, of the stature
LEAST_ABOVE = 0.2  # a camera nearer to the heads' height, of its own, does not tell from heads where people stand
SMALLEST_PX = 3.0  # people are not placed farther away than where they are this tall


@dataclass(frozen=True)
class Spread:
    """Standard deviations of what determines a ground: the body-height line, the stature, the focal length.

    ``horizon_px`` in pixels; ``slope``, ``stature`` and ``focal`` relative; ``correlation`` between horizon and slope.
    ``tilt`` is by how many radians a camera taken for level looks down if it is not, its axis being the image's middle
    instead. Of a tilted camera, ``slope_by_focal`` and ``horizon_by_focal`` are how the logarithm of the slope and the
    horizon change with the logarithm of the focal length, which the people were fitted with.
    """

    horizon_px: float = 0.0
    slope: float = 0.0
    correlation: float = 0.0
    stature: float = 0.0
    focal: float = 0.0
    tilt: float = 0.0
    slope_by_focal: float = 0.0
    horizon_by_focal: float = 0.0


@dataclass(frozen=True)
class Ground:
    """A camera over a flat ground: horizon row and optical axis' column in pixels, height in metres, focal length.

    ``camera_height_range_m`` and ``focal_range_px`` are intervals of 95 %. ``stature_m`` is how tall people are taken
    to be, ``spread`` how far all of it may be off. ``axis`` is the row of a tilted camera's optical axis, which with
    the horizon and the focal length tells by how much it looks down; None of a level camera.
    """

    horizon: float
    centre: float
    camera_height_m: float
    focal_px: float
    camera_height_range_m: tuple[float, float]
    focal_range_px: tuple[float, float]
    stature_m: float = STATURE_M
    spread: Spread = Spread()
    axis: float | None = None

    @property
    def tilt(self) -> float:
        """Return by how many radians the camera looks down."""
        return tilt_of(self.axis, self.horizon, self.focal_px)

    def to_metres(self, feet: np.ndarray) -> np.ndarray:
        """Return (N, 2) metres X aside, Z away of (N, 2) foot pixels, which must lie below the horizon."""
        below, cos = feet[:, 1] - self.horizon, math.cos(self.tilt)
        places = np.stack([(feet[:, 0] - self.centre), np.full(len(feet), self.focal_px / cos)], 1) * (
            self.camera_height_m / cos / below[:, None]
        )
        places[:, 1] -= self.behind_m
        return places

    def to_pixels(self, metres: np.ndarray) -> np.ndarray:
        """Return (N, 2) foot pixels of (N, 2) metres X, Z; Z must be positive, or more than ``-behind_m`` if tilted."""
        x, cos = metres[:, 0], math.cos(self.tilt)
        along = self.camera_height_m * math.sin(self.tilt) + metres[:, 1] * cos
        return np.stack(
            [
                self.centre + self.focal_px * x / along,
                self.horizon + self.focal_px * self.camera_height_m / cos / along,
            ],
            1,
        )

    @property
    def behind_m(self) -> float:
        """Return how far behind a tilted camera the plane through it across its axis meets the ground; 0 if level."""
        return self.camera_height_m * math.tan(self.tilt)

    @property
    def across(self) -> tuple[float, float]:
        """Return (c, s): Z metres away one pixel is c + s Z metres of ground wide."""
        return self.camera_height_m * math.sin(self.tilt) / self.focal_px, math.cos(self.tilt) / self.focal_px

    def area_per_pixel(self, rows: np.ndarray) -> np.ndarray:
        """Return the square metres of ground that one pixel shows at each row, which must lie below the horizon."""
        level = self.focal_px * self.camera_height_m**2 / (rows - self.horizon) ** 3
        return level / math.cos(self.tilt) ** 3

    def moved(self, x: float, y: float) -> "Ground":
        """Return the same ground in the pixels of a window whose first pixel is (x, y)."""
        axis = None if self.axis is None else self.axis - y
        return dataclasses.replace(self, horizon=self.horizon - y, centre=self.centre - x, axis=axis)

    def heights_at(self, feet: np.ndarray) -> np.ndarray:
        """Return the (N,) heights in pixels of people of mean stature whose feet are at (N, 2) pixels."""
        slope, below = self.stature_m / self.camera_height_m, feet[:, 1] - self.horizon
        return slope * below * foreshortening(slope, below, self.focal_px, self.tilt)

    def columns_of(self, boxes: np.ndarray, feet: np.ndarray) -> np.ndarray:
        """Return the (N,) columns where people stand whose boxes' middles are at (N,) columns, by their (N,) foot rows.

        Before a tilted camera, upright bodies lean away from the middle of the image: a crown is 1 / (1 - k q) times as
        far aside as the feet, k and q as in ``tilt``.
        """
        leaning = closing(feet - self.horizon, self.focal_px, self.tilt) * self.stature_m / self.camera_height_m / 2
        return boxes - (boxes - self.centre) * leaning / np.maximum(1 - leaning, 0.5)

    def crowns_of(self, feet: np.ndarray) -> np.ndarray:
        """Return the (N, 2) crowns in pixels of people of mean stature whose feet are at (N, 2) pixels."""
        q = closing(feet[:, 1] - self.horizon, self.focal_px, self.tilt)
        nearer = 1 / np.maximum(1 - self.stature_m / self.camera_height_m * q, LEAST)
        aside = feet[:, 0] + (feet[:, 0] - self.centre) * (nearer - 1)
        return np.stack([aside, feet[:, 1] - self.heights_at(feet)], 1)

    @property
    def lens_above_heads(self) -> float:
        """Return how far the camera is above the centres of heads, of its own height; negative below them."""
        return 1 - HEAD_CENTRE * self.stature_m / self.camera_height_m

    def feet_of(self, heads: np.ndarray, statures: np.ndarray | float = 1.0) -> np.ndarray:
        """Return the (N, 2) feet of people whose heads' centres are at (N, 2) pixels.

        They are of mean stature, or ``statures`` (N,) times as tall. Nobody is placed where he would be less than 3
        pixels tall, heads above the horizon included. Raises ValueError for a camera hardly above the heads, before
        which all heads are on the horizon wherever people stand.
        """
        above = self.lens_above_heads
        if above < LEAST_ABOVE:
            raise ValueError("the camera is too low for heads to tell where people stand")
        over = np.maximum(1 - (1 - above) * statures, LEAST_ABOVE / 2)
        under = heads[:, 1] - self.horizon
        nearer = (1 - over) * closing(np.maximum(under, 0), self.focal_px, self.tilt)
        share = np.maximum(over + nearer, LEAST_ABOVE / 2)
        below = np.maximum(under / share, SMALLEST_PX * self.camera_height_m / self.stature_m)
        return np.stack([heads[:, 0] + (heads[:, 0] - self.centre) * (over / share - 1), self.horizon + below], 1)

    def alternatives(self) -> list[tuple["Ground", "Ground"]]:
        """Return pairs of grounds one standard deviation to either side, along independent directions of doubt."""
        spread = self.spread
        own = math.sqrt(1 - spread.correlation**2) * spread.horizon_px
        shared = spread.correlation * spread.horizon_px
        doubts = (
            (lambda s: self._but(slope=s * spread.slope, horizon=s * shared), spread.slope),
            (lambda s: self._but(horizon=s * own), own),
            (lambda s: self._but(stature=s * spread.stature), spread.stature),
            (
                lambda s: self._but(
                    s * spread.slope_by_focal * spread.focal,
                    s * spread.horizon_by_focal * spread.focal,
                    focal=s * spread.focal,
                ),
                spread.focal,
            ),
        )
        return [(but(-1), but(1)) for but, size in doubts if size > 0]

    def _but(self, slope: float = 0, horizon: float = 0, stature: float = 0, focal: float = 0) -> "Ground":
        return dataclasses.replace(
            self,
            horizon=self.horizon + horizon,
            camera_height_m=self.camera_height_m * math.exp(stature - slope),
            stature_m=self.stature_m * math.exp(stature),
            focal_px=self.focal_px * math.exp(focal),
        )
