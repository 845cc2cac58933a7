"""Pastes lit, coloured sprites front to back, casts their shadows, and keeps the instance map and its statistics."""

import numpy as np
from numba import njit

FULL_LEFT, FULL_TOP, FULL_RIGHT, FULL_BOTTOM, FULL_PIXELS = range(5)
SEEN_LEFT, SEEN_TOP, SEEN_RIGHT, SEEN_BOTTOM, SEEN_PIXELS = range(5, 10)
HEAD_LEFT, HEAD_TOP, HEAD_RIGHT, HEAD_BOTTOM, HEAD_PIXELS, HEAD_SEEN = range(10, 16)
STATISTICS = 16
HALF = 127.5


def new_statistics() -> np.ndarray:
    """Return (16,) int64 statistics of a person that has no pixel yet."""
    row = np.zeros(STATISTICS, np.int64)
    for left in (FULL_LEFT, SEEN_LEFT, HEAD_LEFT):
        row[left : left + 2] = 1 << 30
        row[left + 2 : left + 4] = -(1 << 30)
    return row


@njit(cache=True, nogil=True)
def paste(
    canvas, through, ids, person, coverage, head, features, anchor_x, anchor_y, x, y, scale, mirror, colours, light,
    haze_colour, clear, statistics,
):  # fmt: skip
    """Paste one sprite behind what is already there.

    ``canvas`` (H, W, 3) float32 gathers colour, ``through`` (H, W) float32 is how much of what lies behind still shows,
    ``ids`` (H, W) int32 gets ``person`` where coverage is at least one half and nobody stands in front. The sprite's
    anchor lands on pixel (x, y); ``scale`` is picture pixels per sprite pixel. ``light`` is ambient, sun, and the
    direction towards the sun. Boxes count pixels with coverage of at least one half, also outside the picture.
    """
    rows, columns = ids.shape
    tall, wide = coverage.shape
    sign = -1.0 if mirror else 1.0
    reach_left = (wide - 1 - anchor_x) * scale if mirror else anchor_x * scale
    reach_right = anchor_x * scale if mirror else (wide - 1 - anchor_x) * scale
    for row in range(int(np.ceil(y - anchor_y * scale)), int(np.floor(y + (tall - 1 - anchor_y) * scale)) + 1):
        v = anchor_y + (row - y) / scale
        v0 = min(max(int(v), 0), tall - 2)
        b = v - v0
        for column in range(int(np.ceil(x - reach_left)), int(np.floor(x + reach_right)) + 1):
            u = anchor_x + sign * (column - x) / scale
            u0 = min(max(int(u), 0), wide - 2)
            a = u - u0
            w00, w01, w10, w11 = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
            cover = (
                w00 * coverage[v0, u0] + w01 * coverage[v0, u0 + 1]
                + w10 * coverage[v0 + 1, u0] + w11 * coverage[v0 + 1, u0 + 1]
            )  # fmt: skip
            if cover < 1.0:
                continue
            solid = cover >= HALF
            inside = 0 <= row < rows and 0 <= column < columns
            seen = solid and inside and ids[row, column] == 0
            if solid:
                _extend(statistics, FULL_LEFT, row, column)
                statistics[FULL_PIXELS] += 1
                skull = (
                    w00 * head[v0, u0] + w01 * head[v0, u0 + 1] + w10 * head[v0 + 1, u0] + w11 * head[v0 + 1, u0 + 1]
                )
                if skull >= HALF:
                    _extend(statistics, HEAD_LEFT, row, column)
                    statistics[HEAD_PIXELS] += 1
                    statistics[HEAD_SEEN] += seen
            if seen:
                ids[row, column] = person
                _extend(statistics, SEEN_LEFT, row, column)
                statistics[SEEN_PIXELS] += 1
            if not inside or through[row, column] < 0.004:
                continue
            rest = through[row, column]
            opacity = cover / 255.0
            nx = (
                w00 * features[v0, u0, 6] + w01 * features[v0, u0 + 1, 6]
                + w10 * features[v0 + 1, u0, 6] + w11 * features[v0 + 1, u0 + 1, 6] - 128.0
            ) * sign / (127.0 * opacity)  # fmt: skip
            ny = (
                w00 * features[v0, u0, 7] + w01 * features[v0, u0 + 1, 7]
                + w10 * features[v0 + 1, u0, 7] + w11 * features[v0 + 1, u0 + 1, 7] - 128.0
            ) / (127.0 * opacity)  # fmt: skip
            nz = np.sqrt(max(0.0, 1.0 - nx * nx - ny * ny))
            direct = max(0.0, nx * light[2] + ny * light[3] + nz * light[4] + 0.15)
            shade = (light[0] * (0.84 + 0.2 * ny) + light[1] * direct) * clear
            red = green = blue = 0.0
            for m in range(6):
                weight = (
                    w00 * features[v0, u0, m] + w01 * features[v0, u0 + 1, m]
                    + w10 * features[v0 + 1, u0, m] + w11 * features[v0 + 1, u0 + 1, m]
                )  # fmt: skip
                red += weight * colours[m, 0]
                green += weight * colours[m, 1]
                blue += weight * colours[m, 2]
            fog = (1.0 - clear) * opacity
            canvas[row, column, 0] += rest * (red * shade / 255.0 + haze_colour[0] * fog)
            canvas[row, column, 1] += rest * (green * shade / 255.0 + haze_colour[1] * fog)
            canvas[row, column, 2] += rest * (blue * shade / 255.0 + haze_colour[2] * fog)
            through[row, column] = rest * (1.0 - opacity)


@njit(cache=True, nogil=True)
def _extend(statistics, first, row, column):
    statistics[first] = min(statistics[first], column)
    statistics[first + 1] = min(statistics[first + 1], row)
    statistics[first + 2] = max(statistics[first + 2], column)
    statistics[first + 3] = max(statistics[first + 3], row)


@njit(cache=True, nogil=True)
def cast_shadow(
    shadow, coverage, anchor_x, anchor_y, per_metre, mirror, ground_x, ground_z, offset_x, offset_z, strength, contact,
    height_m, focal, horizon, centre,
):  # fmt: skip
    """Darken the ground under and behind one person; ``shadow`` (H, W) float32 keeps the strongest of all shadows.

    The silhouette stands across the sun's direction: the ground point of a silhouette point u metres aside and v
    metres up is the foot point + v (offset_x, offset_z) + u (-offset_z, offset_x) / |offset|. ``contact`` is the
    strength of the soft spot under the feet, which stays when the sun does not shine.
    """
    rows, columns = shadow.shape
    tall, wide = coverage.shape
    length = max(np.hypot(offset_x, offset_z), 1e-6)
    top = anchor_y / per_metre
    aside = max(anchor_x, wide - anchor_x) / per_metre
    left, right, upper, lower = 1e9, -1e9, 1e9, -1e9
    for corner in range(4):
        v = top if corner < 2 else -0.15
        u = aside if corner % 2 else -aside
        z = max(ground_z + v * offset_z + u * offset_x / length, 0.25 * ground_z)
        x = ground_x + v * offset_x - u * offset_z / length
        left, right = min(left, centre + focal * x / z), max(right, centre + focal * x / z)
        row = horizon + focal * height_m / z
        upper, lower = min(upper, row), max(lower, row)
    spot = 0.36
    reach = focal * spot / ground_z
    left = min(left, centre + focal * ground_x / ground_z - reach)
    right = max(right, centre + focal * ground_x / ground_z + reach)
    upper = min(upper, horizon + focal * height_m / (ground_z + spot))
    lower = max(lower, horizon + focal * height_m / max(ground_z - spot, 0.5 * ground_z))
    for row in range(max(int(upper), int(horizon) + 1, 0), min(int(lower) + 1, rows - 1) + 1):
        z = focal * height_m / (row - horizon)
        dz = z - ground_z
        for column in range(max(int(left), 0), min(int(right) + 1, columns - 1) + 1):
            dx = (column - centre) * z / focal - ground_x
            distance = (dx * dx + dz * dz) / (spot * spot)
            dark = contact * (1.0 - distance) if distance < 1.0 else 0.0
            v = (dx * offset_x + dz * offset_z) / (length * length)
            u = (-dx * offset_z + dz * offset_x) / length
            column_u = anchor_x + (-u if mirror else u) * per_metre
            row_v = anchor_y - v * per_metre
            u0, v0 = int(np.floor(column_u)), int(np.floor(row_v))
            if strength > 0 and 0 <= u0 < wide - 1 and 0 <= v0 < tall - 1:
                a, b = column_u - u0, row_v - v0
                cover = (
                    (1 - a) * (1 - b) * coverage[v0, u0] + a * (1 - b) * coverage[v0, u0 + 1]
                    + (1 - a) * b * coverage[v0 + 1, u0] + a * b * coverage[v0 + 1, u0 + 1]
                )  # fmt: skip
                dark = max(dark, strength * cover / 255.0)
            shadow[row, column] = max(shadow[row, column], dark)


@njit(cache=True, nogil=True)
def develop(canvas, through, background, shadow, ground, tint, contrast, vignette):
    """Put the shadowed background behind the people and apply tint, contrast and vignette; (H, W, 3) uint8."""
    rows, columns = ground.shape
    clean = np.empty((rows, columns, 3), np.uint8)
    for row in range(rows):
        dy = (row - 0.5 * rows) / (0.5 * rows)
        for column in range(columns):
            dx = (column - 0.5 * columns) / (0.5 * columns)
            fall = 1.0 - vignette * 0.5 * (dx * dx + dy * dy)
            behind = through[row, column]
            if ground[row, column]:
                behind *= 1.0 - shadow[row, column]
            for k in range(3):
                value = (canvas[row, column, k] + behind * background[row, column, k]) * tint[k] * fall
                value = 122.0 + (value - 122.0) * contrast
                clean[row, column, k] = int(min(max(value + 0.5, 0.0), 255.0))
    return clean


@njit(cache=True, nogil=True)
def add_noise(clean, grain, starts, sigma):
    """Return the picture with sensor noise: ``grain`` holds standard normals, ``starts`` a start in it per row.

    ``sigma`` (256,) float32 is the noise at each brightness: shot noise grows with its square root.
    """
    rows, columns, channels = clean.shape
    noisy = np.empty_like(clean)
    for row in range(rows):
        start = starts[row]
        for column in range(columns):
            for k in range(channels):
                value = clean[row, column, k]
                disturbed = value + sigma[value] * grain[start + column * channels + k]
                noisy[row, column, k] = int(min(max(disturbed + 0.5, 0.0), 255.0))
    return noisy
