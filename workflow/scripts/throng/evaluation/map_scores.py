"""How far one image's predicted density map is from its head points."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from throng.density.maps import density_map
from throng.evaluation.map_metrics import SSIM_RADIUS, dm_distance, game, psnr, ssim

MAP_COLUMNS = ("game1", "game2", "game3", "dm_distance", "psnr", "ssim")


class MapTruth:
    """The truth that the maps of one image are held against.

    ``points`` are its (N, 2) x, y in pixels of ``shape`` (H, W), ``stride`` the pixels per cell of its maps, and
    ``sigma`` the width of a head in the true map, pixels or "adaptive". Raises ThrongError as
    :func:`throng.density.maps.density_map` does.
    """

    def __init__(
        self, points: np.ndarray, shape: tuple[int, int], *, stride: int, sigma: float | Literal["adaptive"]
    ) -> None:
        self.points, self.shape, self.stride = points, shape, stride
        self.density = density_map(points, shape, sigma=sigma, stride=stride)

    def scores(self, predicted: np.ndarray) -> dict[str, float | None]:
        """Return the MAP_COLUMNS of a (ceil(H / stride), ceil(W / stride)) map in people per cell.

        ``psnr`` is None for equal maps and ``ssim`` for maps of fewer than 11 x 11 cells. Raises ThrongError for
        another shape or values that are not finite.
        """
        ratio = psnr(predicted, self.density)
        large = min(self.density.shape) > 2 * SSIM_RADIUS
        return {
            **{
                f"game{level}": game(predicted, self.points, self.shape, level, stride=self.stride)
                for level in (1, 2, 3)
            },
            "dm_distance": dm_distance(predicted, self.density),
            "psnr": ratio if math.isfinite(ratio) else None,
            "ssim": ssim(predicted, self.density) if large else None,
        }
