"""Errors of density maps: DM distance, PSNR and SSIM against a true map, GAME against head points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from throng.errors import ThrongError

DM_SCALE = 5e7
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
GAME_LEVELS = (0, 1, 2, 3)


def map_metrics(predicted: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> dict:
    """Return the means over images of ``dm_distance``, ``psnr`` in dB and ``ssim``, ``psnr_excluded`` and ``images``.

    Maps are (H, W) in people per cell, one predicted and one true one per image. Images whose two maps are equal have
    no finite PSNR; they are counted in ``psnr_excluded``, and ``psnr`` is None when all are. Raises ThrongError on no
    images, shapes that differ, maps that are not finite, or maps too small for SSIM.
    """
    if len(predicted) != len(true) or len(true) == 0:
        raise ThrongError(
            f"map metrics need one predicted and one true map per image; got {len(predicted)} and {len(true)}"
        )
    pairs = list(zip(predicted, true, strict=True))
    finite = [value for p, t in pairs if math.isfinite(value := psnr(p, t))]
    return {
        "dm_distance": float(np.mean([dm_distance(p, t) for p, t in pairs])),
        "psnr": float(np.mean(finite)) if finite else None,
        "psnr_excluded": len(pairs) - len(finite),
        "ssim": float(np.mean([ssim(p, t) for p, t in pairs])),
        "images": len(pairs),
    }


def dm_distance(predicted: np.ndarray, true: np.ndarray) -> float:
    """Return the mean over cells of the squared difference of two maps (H, W), times 5e7: 4.942 is 9.88e-8.

    It depends on the maps' stride and sigma: compare only figures made with the same two. Source: SANet-Keras.
    """
    p, t = _pair(predicted, true)
    return float(((p - t) ** 2).mean() * DM_SCALE)


def psnr(predicted: np.ndarray, true: np.ndarray, data_range: float | None = None) -> float:
    """Return 10 log10(range^2 / mean squared error) in dB of two maps (H, W), infinite for equal ones.

    ``data_range`` is by default the largest minus the smallest value of both maps.
    """
    p, t = _pair(predicted, true)
    error = float(((p - t) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(_range(p, t, data_range) ** 2 / error)


def ssim(predicted: np.ndarray, true: np.ndarray, data_range: float | None = None) -> float:
    """Return the mean SSIM of two maps (H, W), 1 if equal: 11x11 Gaussian windows of sigma 1.5, population covariance.

    Only windows inside the map count, as in scikit-image's ``structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False)``. ``data_range`` is by default the largest minus the smallest value of both
    maps. Raises ThrongError for maps below 11x11. Source: Wang et al., IEEE Trans. Image Processing 2004, eq. 13.
    """
    p, t = _pair(predicted, true)
    if min(p.shape) < 2 * SSIM_RADIUS + 1:
        raise ThrongError(
            f"SSIM needs maps of at least 11x11 cells, got {p.shape}: use a smaller stride or larger images"
        )
    span = _range(p, t, data_range)
    if span == 0:
        return 1.0
    p, t = p / span, t / span
    mean_p, mean_t = _window_means(p), _window_means(t)
    variances = _window_means(p * p) - mean_p**2 + _window_means(t * t) - mean_t**2
    covariance = _window_means(p * t) - mean_p * mean_t
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_p * mean_t + c1) * (2 * covariance + c2)
    similarity /= (mean_p**2 + mean_t**2 + c1) * (variances + c2)
    return float(similarity.mean())


def game_metrics(
    predicted: Sequence[np.ndarray],
    points: Sequence[np.ndarray],
    shapes: Sequence[tuple[int, int]],
    *,
    stride: int,
    levels: Sequence[int] = GAME_LEVELS,
) -> dict[str, float]:
    """Return the mean over images of :func:`game`, in people, as ``game_0``, ``game_1``, ... ; ``game_0`` is the MAE.

    Raises ThrongError on no images, lengths that differ, or as :func:`game`.
    """
    if not len(predicted) == len(points) == len(shapes) > 0:
        raise ThrongError(
            f"GAME needs one map, one point set and one shape per image; "
            f"got {len(predicted)}, {len(points)} and {len(shapes)}"
        )
    images = list(zip(predicted, points, shapes, strict=True))
    return {
        f"game_{level}": float(np.mean([game(*image, level, stride=stride) for image in images])) for level in levels
    }


def game(predicted: np.ndarray, points: np.ndarray, shape: tuple[int, int], level: int, *, stride: int) -> float:
    """Return GAME(``level``) in people: the sum over 4^level equal regions of |predicted - true count|.

    ``predicted`` is a map (ceil(H / stride), ceil(W / stride)) in people per cell of an image of ``shape`` (H, W), and
    ``points`` are its (N, 2) x, y in pixels; a head outside counts at the nearest edge. A cell on a border between
    regions is shared by area. Raises ThrongError for a map of another shape, or values that are not finite.
    Source: Guerrero-Gomez-Olmedo et al., "Extremely overlapping vehicle counting", IbPRIA 2015.
    """
    density, heads = np.asarray(predicted, np.float64), np.asarray(points, np.float64).reshape(-1, 2)
    if level < 0:
        raise ThrongError(f"a GAME level is 0 or more, not {level}")
    if density.shape != (cells := (-(-shape[0] // stride), -(-shape[1] // stride))):
        raise ThrongError(
            f"an image of {shape} pixels has a map of {cells} cells at stride {stride}; got {density.shape}"
        )
    if not (np.isfinite(density).all() and np.isfinite(heads).all()):
        raise ThrongError("GAME needs a finite map and finite head points")
    regions = 2**level
    rows, columns = (_shares(number, size, stride, regions) for number, size in zip(density.shape, shape, strict=True))
    places = np.clip(((heads + 0.5) / (shape[1], shape[0]) * regions).astype(np.int64), 0, regions - 1)
    true = np.zeros((regions, regions))
    np.add.at(true, (places[:, 1], places[:, 0]), 1)
    return float(np.abs(rows @ density @ columns.T - true).sum())


def _shares(cells: int, size: int, stride: int, regions: int) -> np.ndarray:
    """Return the part of each cell in each region along an axis of ``size`` pixels, (regions, cells)."""
    edges = np.minimum(np.arange(cells + 1) * stride, size)
    borders = np.arange(regions + 1) * size / regions
    overlap = np.minimum(edges[1:], borders[1:, None]) - np.maximum(edges[:-1], borders[:-1, None])
    return np.maximum(overlap, 0) / np.diff(edges)


def _window_means(values: np.ndarray) -> np.ndarray:
    return gaussian_filter(values, SSIM_SIGMA, radius=SSIM_RADIUS)[SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS]


def _range(predicted: np.ndarray, true: np.ndarray, data_range: float | None) -> float:
    if data_range is None:
        return float(max(predicted.max(), true.max()) - min(predicted.min(), true.min()))
    if not data_range > 0:
        raise ThrongError(f"the data range of maps must be positive, not {data_range}")
    return data_range


def _pair(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, t = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if p.shape != t.shape or p.ndim != 2 or p.size == 0:
        raise ThrongError(f"maps are compared cell by cell and need one (H, W) shape; got {p.shape} and {t.shape}")
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise ThrongError("a density map has values that are not finite")
    return p, t
