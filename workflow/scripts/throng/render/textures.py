"""Pavements, building fronts and smooth noise, drawn once and sampled in perspective through mip pyramids."""

from functools import lru_cache

import cv2
import numpy as np

from throng.seeds import generator

PAVEMENT_PX_PER_M = 64
FACADE_PX_PER_M = 16
FACADES = 8
GREY = 128
PAVEMENTS = ("slabs", "cobbles", "bricks", "asphalt", "mosaic")
TILE_M = 8
STREET_M = 128
TALLEST_M = 32
MIP_LEVELS = 7


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """Return (H, W) float32 value noise between about -1 and 1 that repeats at the borders."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32) * 0.5
    wrapped = np.pad(coarse, 2, mode="wrap")
    scale_y, scale_x = shape[0] / cells, shape[1] / cells
    y = ((np.arange(shape[0]) + 0.5) / scale_y + 1.5).astype(np.float32)
    x = ((np.arange(shape[1]) + 0.5) / scale_x + 1.5).astype(np.float32)
    return cv2.remap(wrapped, *np.meshgrid(x, y), interpolation=cv2.INTER_CUBIC)


def pyramid(texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mip levels of an (H, W, 3) uint8 texture, flat (n, 3), and (levels, 3) offset, H, W; powers of two."""
    levels, rows, offset = [], [], 0
    for _ in range(MIP_LEVELS):
        levels.append(texture.reshape(-1, 3))
        rows.append((offset, *texture.shape[:2]))
        offset += texture.shape[0] * texture.shape[1]
        size = max(1, texture.shape[1] // 2), max(1, texture.shape[0] // 2)
        texture = cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
    return np.concatenate(levels), np.array(rows, np.int64)


@lru_cache(maxsize=len(PAVEMENTS))
def pavement(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mip pyramid of a grey pavement, mean about GREY, one tile being TILE_M metres square."""
    rng = generator(0, "pavement", kind)
    size = TILE_M * PAVEMENT_PX_PER_M
    tile = 1 + 0.05 * smooth_noise(rng, (size, size), 96) + 0.03 * rng.standard_normal((size, size))
    columns, rows, offset, joint, spread = {
        "slabs": (10, 10, 0.0, 0.72, 0.06),
        "cobbles": (56, 56, 0.5, 0.62, 0.12),
        "bricks": (32, 64, 0.5, 0.75, 0.1),
        "asphalt": (1, 1, 0.0, 1.0, 0.0),
        "mosaic": (8, 8, 0.0, 0.85, 0.16),
    }[kind]
    y, x = np.mgrid[0:size, 0:size] / size
    row = np.floor(y * rows).astype(int)
    across = x * columns + offset * (row % 2)
    stone = rng.standard_normal((rows, columns + 1)) * spread
    stone[:, -1] = stone[:, 0]
    tile += stone[row, np.floor(across).astype(int)]
    if kind == "mosaic":
        tile += 0.1 * ((row + np.floor(across).astype(int)) % 2 - 0.5)
    edge = np.minimum((y * rows) % 1 / rows, across % 1 / columns) * size
    tile = np.where(edge < 1.6, tile * joint, tile)
    grey = np.clip(np.rint(tile * GREY), 0, 255).astype(np.uint8)
    return pyramid(np.repeat(grey[..., None], 3, axis=2))


@lru_cache(maxsize=FACADES)
def facades(street: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a row of building fronts: mip pyramid (row 0 on the ground, RGB 0-255), roof height per column, m."""
    rng = generator(0, "facades", str(street))
    width, height = STREET_M * FACADE_PX_PER_M, TALLEST_M * FACADE_PX_PER_M
    canvas = np.full((height, width, 3), 120, np.uint8)
    roofs = np.zeros(width, np.float32)
    left = 0.0
    while left < STREET_M:
        length = float(rng.uniform(7, 19))
        if STREET_M - left - length < 7:
            length = STREET_M - left
        floors = int(rng.integers(2, 7))
        roofs[round(left * FACADE_PX_PER_M) : round((left + length) * FACADE_PX_PER_M)] = _building(
            canvas, rng, left, length, floors
        )
        left += length
    return (*pyramid(canvas), roofs)


WALLS = np.array(
    [[196, 178, 150], [176, 98, 78], [208, 200, 188], [150, 146, 142], [214, 190, 140], [160, 126, 104],
     [182, 190, 196], [222, 214, 200], [128, 112, 104], [198, 160, 128]], np.float32,
)  # fmt: skip


def _building(canvas: np.ndarray, rng: np.random.Generator, left: float, length: float, floors: int) -> float:
    storey = rng.uniform(2.9, 3.5)
    shop = rng.uniform(3.6, 4.4)
    roof = min(shop + floors * storey + 0.6, TALLEST_M - 1.0)
    wall = WALLS[rng.integers(len(WALLS))] * rng.uniform(0.85, 1.08)
    _fill(canvas, left, 0, length, roof, wall)
    glass = np.array([70, 84, 98]) * rng.uniform(0.7, 1.2)
    frame = wall * rng.choice([0.7, 1.2])
    bays = max(2, int(length / rng.uniform(2.2, 3.4)))
    pitch = length / bays
    wide, tall = pitch * rng.uniform(0.38, 0.62), storey * rng.uniform(0.5, 0.66)
    for floor in range(floors):
        base = shop + floor * storey + 0.7
        if base + tall > roof - 0.4:
            break
        _fill(canvas, left, base - 0.62, length, 0.14, wall * 0.88)
        for bay in range(bays):
            x = left + (bay + 0.5) * pitch - wide / 2
            _fill(canvas, x - 0.1, base - 0.12, wide + 0.2, tall + 0.22, frame)
            _fill(canvas, x, base, wide, tall, glass * rng.uniform(0.65, 1.5))
            if rng.random() < 0.3:
                _fill(canvas, x, base + tall * 0.5, wide, tall * 0.5, (200, 190, 172))
            _fill(canvas, x + wide / 2 - 0.04, base, 0.08, tall, frame)
    _fill(canvas, left, roof - 0.45, length, 0.45, wall * 0.76)
    _shops(canvas, rng, left, length, shop, wall)
    return roof


def _shops(
    canvas: np.ndarray, rng: np.random.Generator, left: float, length: float, shop: float, wall: np.ndarray
) -> None:
    units = max(1, round(length / rng.uniform(4, 7)))
    pitch = length / units
    for unit in range(units):
        x = left + unit * pitch + 0.25
        wide = pitch - 0.5
        sign = rng.integers(20, 220, 3)
        sign = (sign + sign.mean()) / 2
        _fill(canvas, x, 0.45, wide, shop - 1.2, np.array([58, 66, 74]) * rng.uniform(0.8, 1.5))
        for _ in range(int(wide * 2)):
            _fill(canvas, x + rng.uniform(0, wide - 0.5), 0.5 + rng.uniform(0, 0.8), rng.uniform(0.2, 0.5),
                  rng.uniform(0.3, 1.0), rng.uniform(70, 170) + rng.uniform(-25, 25, 3))  # fmt: skip
        _fill(canvas, x + rng.uniform(0.2, max(0.2, wide - 1.2)), 0.0, 0.95, 2.2, wall * 0.45)
        _fill(canvas, x, shop - 0.75, wide, 0.6, sign)
        text = np.full(3, 235.0 if sign.mean() < 120 else 40.0)
        for mark in np.arange(x + 0.5, x + wide - 0.6, 0.34):
            _fill(canvas, mark, shop - 0.6, rng.uniform(0.1, 0.26), 0.3, text)
        if rng.random() < 0.45:
            stripe = sign * rng.uniform(0.8, 1.3)
            for index, start in enumerate(np.arange(x, x + wide - 0.2, 0.4)):
                _fill(canvas, start, shop - 1.35, 0.4, 0.65, stripe if index % 2 else (226, 222, 214))


def _fill(
    canvas: np.ndarray, x: float, y: float, wide: float, tall: float, colour: np.ndarray | tuple[int, int, int]
) -> None:
    a, b = round(x * FACADE_PX_PER_M), round((x + wide) * FACADE_PX_PER_M)
    c, d = round(y * FACADE_PX_PER_M), round((y + tall) * FACADE_PX_PER_M)
    canvas[max(c, 0) : max(d, c + 1), max(a, 0) : max(b, a + 1)] = np.clip(colour, 0, 255)
