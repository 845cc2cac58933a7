"""Empty streets and plazas: ground, building fronts and sky, painted pixel by pixel in the camera's perspective."""

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from throng.render.camera import Camera
from throng.render.light import Light
from throng.render.textures import (
    FACADE_PX_PER_M,
    FACADES,
    GREY,
    PAVEMENT_PX_PER_M,
    PAVEMENTS,
    STREET_M,
    facades,
    pavement,
    smooth_noise,
)


@dataclass(frozen=True)
class Walls:
    """Building fronts: two along the street at X = left and X = right (far away on a plaza), one across at Z = back."""

    left_m: float
    right_m: float
    back_m: float


def paint(camera: Camera, light: Light, walls: Walls, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the empty scene, (H, W, 3) float32 0-255 before tone and noise, and where it shows ground, (H, W) bool."""
    picture = _sky(camera, light, rng)
    first, second = rng.choice(len(PAVEMENTS), 2, replace=False)
    ground_colour = _ground_colour(rng)
    strip_colour = _ground_colour(rng)
    strip = np.sort(rng.uniform(-9, 9, 2)) if rng.random() < 0.6 else np.array([1e6, 1e6])
    front, front_rows, roofs = facades(int(rng.integers(FACADES)))
    coat = rng.uniform(0.86, 1.1, 3)
    stains = smooth_noise(rng, (256, 256), 24)
    shift = rng.uniform(0, STREET_M, 3)
    lit = light.ambient + light.sun * max(light.towards_sun[1], 0)
    faces = np.array([max(0.0, light.towards_sun[0]), max(0.0, -light.towards_sun[0]), max(0.0, light.towards_sun[2])])
    shade = np.concatenate([[lit], (0.92 * light.ambient + 0.9 * light.sun * faces)])
    ground = np.zeros((camera.height, camera.width), np.bool_)
    paving, paving_rows = pavement(PAVEMENTS[first])
    strip_paving, _ = pavement(PAVEMENTS[second])
    _planes(
        picture, ground, camera.height_m, camera.focal_px, camera.horizon_px, camera.centre_px,
        walls.left_m, walls.right_m, walls.back_m, paving, strip_paving, paving_rows, ground_colour, strip_colour,
        strip, stains, coat, front, front_rows, roofs, shift, shade, np.array(light.haze_colour), light.haze_m,
    )  # fmt: skip
    return picture, ground


def plant_trees(
    picture: np.ndarray, camera: Camera, light: Light, walls: Walls, depths: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw trees and lamp posts at the far side of the square into ``picture``, in place; ``depths`` are metres."""
    for depth in -np.sort(-depths):
        half = float(camera.half_width_m(depth))
        x = rng.uniform(max(-half, 0.8 * walls.left_m), min(half, 0.8 * walls.right_m))
        haze = 1 - np.exp(-depth / light.haze_m)
        scale = camera.focal_px / depth
        base = camera.project(np.array([[x, 0.0, depth]]))[0]
        if rng.random() < 0.35:
            _lamp(picture, base, scale, haze, light)
        else:
            _tree(picture, base, scale, haze, light, rng)


def _hazed(colour: np.ndarray, haze: float, light: Light) -> tuple[float, ...]:
    return tuple(float(v) for v in colour * (1 - haze) + np.array(light.haze_colour) * haze)


def _segment(picture: np.ndarray, start: np.ndarray, end: np.ndarray, width: float, colour: tuple[float, ...]) -> None:
    a, b = (tuple(int(v) for v in np.rint(point * 16)) for point in (start, end))
    cv2.line(picture, a, b, colour, max(1, round(width)), cv2.LINE_AA, 4)


def _lamp(picture: np.ndarray, base: np.ndarray, scale: float, haze: float, light: Light) -> None:
    colour = _hazed(np.array([52.0, 54, 58]) * (light.ambient + 0.3), haze, light)
    top = base - np.array((0, 5.2 * scale))
    _segment(picture, base, top, 0.12 * scale, colour)
    _segment(picture, top - np.array((0.5 * scale, 0)), top + np.array((0.5 * scale, 0)), 0.1 * scale, colour)
    for side in (-1, 1):
        centre = top + np.array((side * 0.5 * scale, 0.12 * scale))
        cv2.circle(picture, tuple(int(v) for v in np.rint(centre * 16)), max(16, int(0.2 * scale * 16)),
                   _hazed(np.array([232.0, 228, 214]), haze, light), -1, cv2.LINE_AA, 4)  # fmt: skip


def _tree(
    picture: np.ndarray, base: np.ndarray, scale: float, haze: float, light: Light, rng: np.random.Generator
) -> None:
    tall = rng.uniform(4.5, 8)
    crown = rng.uniform(1.5, 2.4)
    trunk = _hazed(np.array([84.0, 68, 54]) * (light.ambient + 0.2), haze, light)
    _segment(picture, base, base - np.array((0, (tall - crown) * scale)), 0.28 * scale, trunk)
    green = np.array([74, 100, 48]) * rng.uniform(0.75, 1.15)
    spots = rng.uniform(-1, 1, (150, 3))
    spots = spots[np.argsort(spots[:, 1], kind="stable")[::-1]]
    for dx, dy, dz in spots:
        if dx * dx + dy * dy > 1:
            continue
        lit = light.ambient + light.sun * max(0.0, 0.6 - 0.6 * dy + 0.4 * dx * light.towards_sun[0]) + 0.12 * dz
        centre = base + np.array([dx * crown * 0.9, -(tall - crown) + dy * crown * 0.85]) * scale
        cv2.circle(picture, tuple(int(v) for v in np.rint(centre * 16)), int(crown * 0.2 * scale * 16) + 8,
                   _hazed(green * lit, haze, light), -1, cv2.LINE_AA, 4)  # fmt: skip


def _ground_colour(rng: np.random.Generator) -> np.ndarray:
    grey = rng.uniform(118, 178)
    warmth = rng.uniform(-6, 20)
    return np.array([grey + warmth, grey + 0.25 * warmth, grey - 0.8 * warmth])


def _sky(camera: Camera, light: Light, rng: np.random.Generator) -> np.ndarray:
    seen = min(int(camera.horizon_px) + 2, camera.height)
    rows = np.clip((camera.horizon_px - np.arange(seen)) / (0.8 * camera.focal_px), 0, 1)[:, None, None]
    clear = light.sun > 0.5
    zenith = np.array([92.0, 142, 208]) if clear else np.array([168.0, 176, 188])
    clouds = smooth_noise(rng, (seen, camera.width), 5) + 0.5 * smooth_noise(rng, (seen, camera.width), 12)
    cover = np.clip(clouds * 1.3 + (0.0 if clear else 0.5), 0, 1)[..., None] * 0.75
    blend = np.minimum(1.0, rows**0.7 * 1.6)
    sky = np.array(light.haze_colour) * (1 - blend) + zenith * blend
    picture = np.empty((camera.height, camera.width, 3), np.float32)
    picture[:seen] = sky * (1 - cover) + np.array([236.0, 236, 238]) * cover
    picture[seen:] = light.haze_colour
    return picture


@njit(cache=True, nogil=True)
def _planes(
    picture, ground, height_m, focal, horizon, centre, left, right, back, paving, strip_paving, paving_rows, colour,
    strip_colour, strip, stains, coat, front, front_rows, roofs, shift, shade, haze_colour, haze_m,
):  # fmt: skip
    """Paint the nearest plane under two sub-samples of every pixel over the sky."""
    rows, columns = ground.shape
    texel = np.zeros(3)
    for row in range(rows):
        for column in range(columns):
            red = green = blue = 0.0
            hits = 0
            for sub in range(2):
                x = (column + sub * 0.5 - 0.25 - centre) / focal
                y = (row + sub * 0.5 - 0.25 - horizon) / focal
                face, z = _nearest(x, y, height_m, left, right, back, roofs, shift)
                if face < 0:
                    red += picture[row, column, 0]
                    green += picture[row, column, 1]
                    blue += picture[row, column, 2]
                    continue
                if face == 0:
                    hits += 1
                    across = z / focal
                    along = z * z / (focal * height_m)
                    on_strip = strip[0] < x * z < strip[1]
                    chosen = strip_paving if on_strip else paving
                    tone = strip_colour if on_strip else colour
                    _sample(texel, chosen, paving_rows, x * z * PAVEMENT_PX_PER_M, z * PAVEMENT_PX_PER_M,
                            0.5 * PAVEMENT_PX_PER_M * np.sqrt(across * along))  # fmt: skip
                    stain = stains[int(z * 5) & 255, int(x * z * 5 + 4096) & 255] * 0.07
                    stain += stains[int(z * 1.3) & 255, int(x * z * 1.3 + 4096) & 255] * 0.08
                    for k in range(3):
                        texel[k] *= tone[k] * (1.0 + stain) / GREY
                else:
                    if face == 3:
                        u, slant = x * z, z / focal
                    else:
                        u, slant = z, z / focal * np.sqrt(max(1.0, 1.0 / abs(x)))
                    _sample(texel, front, front_rows, (u + shift[face - 1]) * FACADE_PX_PER_M,
                            (height_m - y * z) * FACADE_PX_PER_M, 0.5 * FACADE_PX_PER_M * slant)  # fmt: skip
                    stain = stains[int((height_m - y * z) * 3) & 255, int(u * 3 + 4096) & 255] * 0.06
                    for k in range(3):
                        texel[k] *= coat[k] * (1.0 + stain)
                clear = np.exp(-z / haze_m)
                red += texel[0] * shade[face] * clear + haze_colour[0] * (1 - clear)
                green += texel[1] * shade[face] * clear + haze_colour[1] * (1 - clear)
                blue += texel[2] * shade[face] * clear + haze_colour[2] * (1 - clear)
            picture[row, column, 0] = red / 2
            picture[row, column, 1] = green / 2
            picture[row, column, 2] = blue / 2
            ground[row, column] = hits >= 1


@njit(cache=True, nogil=True)
def _nearest(x, y, height_m, left, right, back, roofs, shift):
    """Return which plane a ray (x, y, 1) meets first (0 ground, 1 left, 2 right, 3 back, -1 sky) and at what depth."""
    face, depth = -1, 1e9
    if y > 1e-6:
        face, depth = 0, height_m / y
    for wall in range(1, 4):
        if wall == 1:
            z = left / x if x < -1e-6 else 1e9
        elif wall == 2:
            z = right / x if x > 1e-6 else 1e9
        else:
            z = back
        if z >= depth or z > back + 1e-9:
            continue
        u = x * z if wall == 3 else z
        roof = roofs[int((u + shift[wall - 1]) * FACADE_PX_PER_M) & (len(roofs) - 1)]
        if 0.0 <= height_m - y * z < roof:
            face, depth = wall, z
    if face == 0 and depth > back:
        return -1, 1e9
    return face, depth


@njit(cache=True, nogil=True)
def _sample(texel, flat, rows, u, v, footprint):
    """Write the bilinear, wrapped sample of a mip pyramid at (u, v) texels of its finest level."""
    level = 0
    while level < len(rows) - 1 and footprint > 1.4:
        footprint *= 0.5
        u *= 0.5
        v *= 0.5
        level += 1
    offset, height, width = rows[level]
    fu, fv = np.floor(u - 0.5), np.floor(v - 0.5)
    a, b = u - 0.5 - fu, v - 0.5 - fv
    x0, y0 = int(fu) & (width - 1), int(fv) & (height - 1)
    x1, y1 = (x0 + 1) & (width - 1), (y0 + 1) & (height - 1)
    for k in range(3):
        upper = flat[offset + y0 * width + x0, k] * (1 - a) + flat[offset + y0 * width + x1, k] * a
        lower = flat[offset + y1 * width + x0, k] * (1 - a) + flat[offset + y1 * width + x1, k] * a
        texel[k] = upper * (1 - b) + lower * b
