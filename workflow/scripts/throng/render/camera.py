"""The level pinhole camera over a flat ground, and the part of the ground that it sees.

World axes: X right, Y up from the ground, Z forward from the camera's foot point, all in metres. With camera height h,
focal length f and horizon row r, a point projects to x = (width - 1) / 2 + f X / Z and y = r + f (h - Y) / Z
(Hartley & Zisserman, Multiple View Geometry, 2nd ed., section 6.1, rotation = identity).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A level camera: height over the ground in metres, focal length, horizon row and size in pixels."""

    height_m: float
    focal_px: float
    horizon_px: float
    width: int
    height: int

    @property
    def centre_px(self) -> float:
        """Return the column of the optical axis, pixels."""
        return (self.width - 1) / 2

    @property
    def near_m(self) -> float:
        """Return the depth of the ground under the lower edge of the image, metres."""
        return self.focal_px * self.height_m / (self.height - 0.5 - self.horizon_px)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) float64 pixels x, y of (N, 3) points X, Y, Z in metres."""
        x, y, z = np.asarray(points, np.float64).T
        columns = self.centre_px + self.focal_px * x / z
        return np.stack([columns, self.horizon_px + self.focal_px * (self.height_m - y) / z], axis=1)

    def half_width_m(self, depth: np.ndarray | float) -> np.ndarray | float:
        """Return half the width of the view at a depth, metres: the image reaches from column -0.5 to width - 0.5."""
        return depth * self.width / (2 * self.focal_px)


@dataclass(frozen=True)
class Ground:
    """The walkable ground: from ``left_m`` to ``right_m`` (X) and up to ``far_m`` (Z), metres."""

    left_m: float
    right_m: float
    far_m: float


def visible_width(camera: Camera, ground: Ground, depth: np.ndarray) -> np.ndarray:
    """Return the width in metres of the ground seen at each depth, (N,) float64."""
    half = camera.half_width_m(depth)
    return np.maximum(np.minimum(half, ground.right_m) - np.maximum(-half, ground.left_m), 0.0)


def visible_area(camera: Camera, ground: Ground) -> float:
    """Return the area in square metres of the walkable ground inside the image: a polygon, integrated exactly.

    It reaches from the depth under the lower edge of the image to ``ground.far_m``; occlusion does not reduce it.
    """
    slope = camera.width / (2 * camera.focal_px)
    kinks = np.array([-ground.left_m / slope, ground.right_m / slope])
    near, far = camera.near_m, ground.far_m
    depths = np.unique(np.concatenate([[near, far], kinks[(kinks > near) & (kinks < far)]]))
    return float(np.trapezoid(visible_width(camera, ground, depths), depths))
