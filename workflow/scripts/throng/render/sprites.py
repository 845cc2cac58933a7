"""Sprites: figures rasterised once per pose, direction, elevation and size, coloured and lit when they are pasted.

A sprite keeps, per pixel, coverage, coverage of the head alone, the weight of each material and the surface normal, so
one raster serves every colour of skin, hair and clothing and every direction of light.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit

from throng.render.figure import (
    CHECK,
    EXTRA,
    OPEN_JACKET,
    PRINT,
    STANDING,
    STRIPES,
    TOP,
    WALKING,
    Figure,
    draw_build,
    make_figure,
)
from throng.seeds import generator

YAWS = (0.0, 45.0, 90.0, 135.0, 180.0)
ELEVATIONS = (0.06, 0.24, 0.55)
OUTFITS = 5
POSES = WALKING + STANDING
VARIANTS = 2
LEVELS = (14, 22, 34, 52, 80, 124, 190, 290, 440)
SUPERSAMPLING = 2
BANK_SEED = 20_11


@dataclass(frozen=True)
class Sprite:
    """One raster: coverage and head coverage (h, w) uint8, features (h, w, 8) uint8, anchor and scale in sprite pixels.

    Features are six material weights (times ambient occlusion) and the normal's right and up component, 128 = 0; all
    are multiplied by coverage. The anchor is where the body's axis meets the ground; ``stature`` is pixels per stature.
    """

    coverage: np.ndarray
    head: np.ndarray
    features: np.ndarray
    anchor_x: float
    anchor_y: float
    stature: float
    head_x: float
    head_y: float


def level_for(stature_px: float) -> int:
    """Return the index of the smallest level that is not coarser than the picture by more than a tenth."""
    for index, stature in enumerate(LEVELS):
        if stature >= 0.9 * stature_px:
            return index
    return len(LEVELS) - 1


@lru_cache(maxsize=256)
def _figure(pose: str, outfit: int) -> Figure:
    rng = generator(BANK_SEED, "figure", f"{pose}/{outfit}")
    return make_figure(pose, draw_build(rng))


@lru_cache(maxsize=8192)
def sprite(pose: str, yaw: int, elevation: int, variant: int, level: int) -> Sprite:
    """Return the sprite of a pose, indices into YAWS, ELEVATIONS and LEVELS, and an outfit variant."""
    figure = _figure(pose, (yaw + 2 * variant + elevation) % OUTFITS)
    jitter = (7 * POSES.index(pose) + 3 * yaw + 5 * elevation + 11 * variant) % 9 - 4
    return rasterise(figure, np.radians(YAWS[yaw] + 3.0 * jitter), ELEVATIONS[elevation], LEVELS[level])


def rasterise(figure: Figure, yaw: float, slope: float, stature: int) -> Sprite:
    """Rasterise a figure seen from a direction: yaw 0 faces the camera, positive turns towards the image's right.

    ``slope`` is the tangent of the angle at which the camera looks down; ``stature`` is in pixels. The view is the weak
    perspective of a level camera: right = X, up = Y + slope * depth.
    """
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, -np.cos(yaw)]])
    view = np.array([[1, 0, 0], [0, 1, slope], [0, 0, 1]]) @ turn
    shapes = view[None] * figure.radii[:, None, :]
    inverse = np.linalg.inv(view)[None] / figure.radii[:, :, None]
    unturned = turn.T[None] / figure.radii[:, :, None]
    middles = figure.centres @ view.T
    half = np.linalg.norm(shapes, axis=2)
    low, high = (middles - half)[:, :2].min(axis=0), (middles + half)[:, :2].max(axis=0)
    margin = 2
    size = np.ceil((high - low) * stature).astype(int) + 2 * margin
    left, upper = low[0] - margin / stature, high[1] + margin / stature
    pitch = 1 / (stature * SUPERSAMPLING)
    layers = _cast(
        middles, half, inverse, unturned, figure.centres, figure.radii, figure.materials, figure.is_head,
        figure.pattern, left, upper, pitch, int(size[1]) * SUPERSAMPLING, int(size[0]) * SUPERSAMPLING,
    )  # fmt: skip
    planes = _shaded(*layers, stature)
    small = cv2.resize(planes, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    packed = np.clip(np.rint(small * 255), 0, 255).astype(np.uint8)
    features = packed[..., 2:].copy()
    features[..., 6:] = np.clip(np.rint(small[..., 8:] * 127 + 128), 0, 255)
    head = figure.head_centre @ view.T
    return Sprite(
        coverage=packed[..., 0].copy(),
        head=packed[..., 1].copy(),
        features=features,
        anchor_x=-left * stature - 0.5,
        anchor_y=upper * stature - 0.5,
        stature=float(stature),
        head_x=(head[0] - left) * stature - 0.5,
        head_y=(upper - head[1]) * stature - 0.5,
    )


def _shaded(
    depth: np.ndarray, material: np.ndarray, normals: np.ndarray, heads: np.ndarray, stature: int
) -> np.ndarray:
    """Return (h, w, 10) float32 planes: coverage, head coverage, six material weights, normal right and up."""
    covered = material >= 0
    filled = np.where(covered, depth, 0.5).astype(np.float32)
    radius = max(1.0, 0.03 * stature * SUPERSAMPLING)
    behind = filled - cv2.GaussianBlur(filled, (0, 0), radius)
    occlusion = np.clip(1.0 - 2.2 * np.maximum(behind, 0), 0.45, 1.0)
    planes = np.zeros((*depth.shape, 10), np.float32)
    planes[..., 0] = covered
    planes[..., 1] = heads
    for index in range(6):
        planes[..., 2 + index] = (material == index) * occlusion
    planes[..., 8:] = _smooth(normals.astype(np.float32), covered, 0.012 * stature * SUPERSAMPLING) * covered[..., None]
    return planes


def _smooth(normals: np.ndarray, covered: np.ndarray, sigma: float) -> np.ndarray:
    """Average normals over covered pixels, so that stacked ellipsoids look like one surface."""
    weight = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), max(sigma, 0.3))
    total = cv2.GaussianBlur(normals * covered[..., None], (0, 0), max(sigma, 0.3))
    return total / np.maximum(weight, 1e-3)[..., None]


@njit(cache=True, nogil=True)
def _cast(
    middles, half, inverse, unturned, centres, radii, materials, is_head, pattern, left, upper, pitch, rows, columns
):  # fmt: skip
    """Ray-cast ellipsoids orthographically: nearest depth, material, normal (right, up), the head's silhouette."""
    depth = np.full((rows, columns), np.inf)
    material = np.full((rows, columns), -1, np.int64)
    normals = np.zeros((rows, columns, 2))
    heads = np.zeros((rows, columns), np.bool_)
    for n in range(len(middles)):
        g = inverse[n]
        back = unturned[n]
        a = g[0, 2] ** 2 + g[1, 2] ** 2 + g[2, 2] ** 2
        first_row = max(0, int((upper - middles[n, 1] - half[n, 1]) / pitch))
        last_row = min(rows - 1, int((upper - middles[n, 1] + half[n, 1]) / pitch) + 1)
        first_column = max(0, int((middles[n, 0] - half[n, 0] - left) / pitch))
        last_column = min(columns - 1, int((middles[n, 0] + half[n, 0] - left) / pitch) + 1)
        for row in range(first_row, last_row + 1):
            y = upper - (row + 0.5) * pitch - middles[n, 1]
            for column in range(first_column, last_column + 1):
                x = left + (column + 0.5) * pitch - middles[n, 0]
                u0 = g[0, 0] * x + g[0, 1] * y
                u1 = g[1, 0] * x + g[1, 1] * y
                u2 = g[2, 0] * x + g[2, 1] * y
                b = u0 * g[0, 2] + u1 * g[1, 2] + u2 * g[2, 2]
                root = b * b - a * (u0 * u0 + u1 * u1 + u2 * u2 - 1.0)
                if root <= 0.0:
                    continue
                if is_head[n]:
                    heads[row, column] = True
                z = (-b - np.sqrt(root)) / a
                if z + middles[n, 2] >= depth[row, column]:
                    continue
                depth[row, column] = z + middles[n, 2]
                u0 += g[0, 2] * z
                u1 += g[1, 2] * z
                u2 += g[2, 2] * z
                nx = back[0, 0] * u0 + back[1, 0] * u1 + back[2, 0] * u2
                ny = back[0, 1] * u0 + back[1, 1] * u1 + back[2, 1] * u2
                nz = back[0, 2] * u0 + back[1, 2] * u1 + back[2, 2] * u2
                length = np.sqrt(nx * nx + ny * ny + nz * nz)
                normals[row, column, 0] = nx / length
                normals[row, column, 1] = ny / length
                material[row, column] = _dyed(
                    materials[n],
                    pattern,
                    centres[n, 0] + radii[n, 0] * u0,
                    centres[n, 1] + radii[n, 1] * u1,
                    centres[n, 2] + radii[n, 2] * u2,
                )
    return depth, material, normals, heads


@njit(cache=True, nogil=True)
def _dyed(material, pattern, x, y, z):
    """Return the material after the pattern of the top: stripes, a jacket open in front, a print, or checks."""
    if material != TOP:
        return material
    if pattern == STRIPES and (y * 22.0) % 1.0 < 0.45:
        return EXTRA
    if pattern == OPEN_JACKET and z > 0.0 and abs(x) < 0.032:
        return EXTRA
    if pattern == PRINT and abs(x) < 0.045 and 0.68 < y < 0.76:
        return EXTRA
    if pattern == CHECK and ((y * 18.0) % 1.0 < 0.3 or (x * 18.0) % 1.0 < 0.3):
        return EXTRA
    return material
