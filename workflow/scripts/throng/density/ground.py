"""The ground plane before a level camera: where on the ground, in metres, a pixel is.

With a level pinhole camera at height y over a flat ground, horizon row v0 and focal length f in pixels, a foot pixel
(u, v) stands at X = (u - u0) y / (v - v0) metres aside of the camera and Z = f y / (v - v0) metres away (Hoiem, Efros
and Hebert, "Putting Objects in Perspective", IJCV 2008; Hartley and Zisserman, section 6.1).
"""

import dataclasses
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ground:
    """A camera over a flat ground: horizon row and optical axis' column in pixels, height in metres, focal length.

    ``camera_height_range_m`` and ``focal_range_px`` are intervals of 95 %.
    """

    horizon: float
    centre: float
    camera_height_m: float
    focal_px: float
    camera_height_range_m: tuple[float, float]
    focal_range_px: tuple[float, float]

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
