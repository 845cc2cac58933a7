"""The ground plane before a level camera: where on the ground, in metres, a pixel is.

With a level pinhole camera at height y over a flat ground, horizon row v0 and focal length f in pixels, a foot pixel
(u, v) stands at X = (u - u0) y / (v - v0) metres aside of the camera and Z = f y / (v - v0) metres away (Hoiem, Efros
and Hebert, "Putting Objects in Perspective", IJCV 2008; Hartley and Zisserman, section 6.1). A person of stature H is
H (v - v0) / y pixels tall.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

STATURE_M = 1.685  # mean of adults
HEAD_OF_STATURE = 0.135  # 0.130 from chin to crown (Drillis and Contini, 1966), and hair
HEAD_CENTRE = 1 - HEAD_OF_STATURE / 2  # height of the head's centre, of the stature
LEAST_ABOVE = 0.2  # a camera nearer to the heads' height, of its own, does not tell from heads where people stand
SMALLEST_PX = 3.0  # people are not placed farther away than where they are this tall


@dataclass(frozen=True)
class Spread:
    """Standard deviations of what determines a ground: the body-height line, the stature, the focal length.

    ``horizon_px`` in pixels; ``slope``, ``stature`` and ``focal`` relative; ``correlation`` between horizon and slope.
    ``tilt`` is by how many radians the camera looks down if it is not level, its axis being the image's middle instead.
    """

    horizon_px: float = 0.0
    slope: float = 0.0
    correlation: float = 0.0
    stature: float = 0.0
    focal: float = 0.0
    tilt: float = 0.0


@dataclass(frozen=True)
class Ground:
    """A camera over a flat ground: horizon row and optical axis' column in pixels, height in metres, focal length.

    ``camera_height_range_m`` and ``focal_range_px`` are intervals of 95 %. ``stature_m`` is how tall people are taken
    to be, ``spread`` how far all of it may be off.
    """

    horizon: float
    centre: float
    camera_height_m: float
    focal_px: float
    camera_height_range_m: tuple[float, float]
    focal_range_px: tuple[float, float]
    stature_m: float = STATURE_M
    spread: Spread = Spread()

    def to_metres(self, feet: np.ndarray) -> np.ndarray:
        """Return (N, 2) metres X aside, Z away of (N, 2) foot pixels, which must lie below the horizon."""
        below = feet[:, 1] - self.horizon
        return np.stack([(feet[:, 0] - self.centre), np.full(len(feet), self.focal_px)], 1) * (
            self.camera_height_m / below[:, None]
        )

    def to_pixels(self, metres: np.ndarray) -> np.ndarray:
        """Return (N, 2) foot pixels of (N, 2) metres X, Z; Z must be positive."""
        x, z = metres[:, 0], metres[:, 1]
        return np.stack(
            [self.centre + self.focal_px * x / z, self.horizon + self.focal_px * self.camera_height_m / z], 1
        )

    def area_per_pixel(self, rows: np.ndarray) -> np.ndarray:
        """Return the square metres of ground that one pixel shows at each row, which must lie below the horizon."""
        return self.focal_px * self.camera_height_m**2 / (rows - self.horizon) ** 3

    def moved(self, x: float, y: float) -> "Ground":
        """Return the same ground in the pixels of a window whose first pixel is (x, y)."""
        return dataclasses.replace(self, horizon=self.horizon - y, centre=self.centre - x)

    def heights_at(self, feet: np.ndarray) -> np.ndarray:
        """Return the (N,) heights in pixels of people of mean stature whose feet are at (N, 2) pixels."""
        return self.stature_m / self.camera_height_m * (feet[:, 1] - self.horizon)

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
        below = np.maximum((heads[:, 1] - self.horizon) / over, SMALLEST_PX * self.camera_height_m / self.stature_m)
        return np.stack([heads[:, 0], self.horizon + below], 1)

    def alternatives(self) -> list[tuple["Ground", "Ground"]]:
        """Return pairs of grounds one standard deviation to either side, along independent directions of doubt."""
        spread = self.spread
        own = math.sqrt(1 - spread.correlation**2) * spread.horizon_px
        shared = spread.correlation * spread.horizon_px
        doubts = (
            (lambda s: self._but(slope=s * spread.slope, horizon=s * shared), spread.slope),
            (lambda s: self._but(horizon=s * own), own),
            (lambda s: self._but(stature=s * spread.stature), spread.stature),
            (lambda s: self._but(focal=s * spread.focal), spread.focal),
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
