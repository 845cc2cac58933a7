"""Density maps from head points, in NumPy and, batched and differentiable, in PyTorch.

Three definitions. ``mass``, ours: every head is a Gaussian (Zhang et al., CVPR 2016, eq. 2-3) integrated over the cells
of the map instead of being sampled at their centres: cell j of an axis receives Phi((e[j+1] - x) / sigma) -
Phi((e[j] - x) / sigma), where e are the cell edges, the argument is cut at 4 standard deviations, and the result is
divided by what falls inside the image. The differences telescope, so one head adds exactly 1 at every border, stride
and sub-pixel position. ``csrnet`` and ``c3`` are the maps that the published counters CSRNet and MCNN were trained on,
for comparing with them; they put a head on a pixel, and ``csrnet`` loses heads.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from throng.density.batched import density_maps
from throng.density.head_points import Mode, Sigma, checked_heads, checked_shape, checked_sigma, checked_whole
from throng.density.neighbours import BETA, LONE_SIGMA, NEIGHBOURS, adaptive_sigmas, mean_nearest
from throng.density.stamps import distinct, mass_map, recentred_map, sampled_map
from throng.errors import ThrongError

__all__ = ["LONE_SIGMA", "Mode", "Sigma", "adaptive_sigmas", "density_map", "density_maps"]


def density_map(
    points: np.ndarray,
    shape: tuple[int, int],
    *,
    sigma: Sigma | np.ndarray | None = None,
    stride: int = 1,
    mode: Mode = "mass",
) -> np.ndarray:
    """Return the density map of head points, (ceil(H / stride), ceil(W / stride)) float32, in people per cell.

    ``points`` is (N, 2) x, y in pixels and ``shape`` is (H, W) in pixels. ``sigma`` is in pixels: one number,
    "adaptive" to the distance of the nearest heads, or None for the mode's own, which is "adaptive", and 4 in ``c3``.
    A cell of a coarse map is the sum of its pixels.

    - ``mass``: the sum is N at every border and stride; a head outside the image counts at the nearest edge. Sigmas by
      :func:`adaptive_sigmas`; here alone ``sigma`` may also be one number per head, (N,).
    - ``csrnet``: CSRNet's (Li et al., CVPR 2018). Coordinates are cut to whole pixels, heads outside are dropped, heads
      on one pixel merge. Sigma is 0.3 times the mean distance to three heads without a least value (to all others where
      there are two or three heads, whereon the published code stops), and (H + W) / 8 for a lone head; what passes the
      border is lost. One number: the image is extended by reflection, as for part B, and nothing is lost.
    - ``c3``: that of MCNN's and the C^3 framework's preparation: 15 by 15 pixels of one sigma; where the border clips
      the window, a smaller kernel is centred in the rest, so the sum is N and the peak leaves the head. A head outside
      counts at the nearest pixel.

    Raises ThrongError on points that are not finite, on wrong shapes, sigmas outside 0.001 to 1,000,000, a stride below
    1, an unknown mode, and a sigma that the mode does not have.
    """
    heads = checked_heads(points)
    height, width = checked_shape(shape)
    stride = checked_whole(stride, "stride")
    if mode not in get_args(Mode):
        raise ThrongError(f"a density map has no mode {mode!r}; expected one of {', '.join(get_args(Mode))}")
    sigma = checked_sigma(sigma, mode, len(heads))
    if mode == "csrnet":
        return _csrnet(heads, height, width, sigma, stride)
    if mode == "c3":
        pixels = np.clip(heads, 0, [width - 1, height - 1]).astype(np.int64)
        return recentred_map(pixels, float(sigma), height, width, stride)
    heads = np.clip(heads, -0.5, [width - 0.5, height - 0.5])
    sigmas = adaptive_sigmas(heads) if isinstance(sigma, str) else np.full(len(heads), sigma)
    return mass_map(heads, sigmas, -(-height // stride), -(-width // stride), stride)


def _csrnet(
    heads: np.ndarray, height: int, width: int, sigma: Literal["adaptive"] | np.ndarray, stride: int
) -> np.ndarray:
    pixels = distinct(np.trunc(heads).astype(np.int64), height, width)
    if not isinstance(sigma, str):
        return sampled_map(pixels, np.full(len(pixels), sigma), height, width, stride, True)
    if len(pixels) < 2:
        sigmas = np.full(len(pixels), (height + width) / 8)
    else:
        sigmas = BETA * mean_nearest(pixels.astype(np.float64), min(NEIGHBOURS, len(pixels) - 1))
    return sampled_map(pixels, sigmas, height, width, stride, False)
