"""The ground plane on which people are put into a photograph: where on the ground a pixel is, and the other way."""

from dataclasses import dataclass

import numpy as np

from throng.density.plane import Plane, fit_plane
from throng.tables.images import ImageRow

STATURE_M = 1.7
STANDARD_HORIZON, STANDARD_SLOPE = 0.25, 0.45  # of a camera that looks down on a square, over the image height


@dataclass(frozen=True)
class GroundPlane(Plane):
    """A plane of person heights over a ground measured in metres."""

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
    """Return the plane of N people by their foot rows and heights (N,) in pixels, None where they determine none."""
    plane = fit_plane(feet, heights, image_height)
    return None if isinstance(plane, str) else GroundPlane(plane.slope, plane.horizon)


def plane_of(row: ImageRow, boxes: np.ndarray) -> GroundPlane | None:
    """Return the ground plane of a photograph from its standing boxes, None where they do not determine it."""
    return fit_ground_plane(boxes[:, 1] + boxes[:, 3], boxes[:, 3], row.height)
