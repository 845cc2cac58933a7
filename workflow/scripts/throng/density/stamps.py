"""Adding one separable stamp per head to a density map, compiled: the arithmetic of the three definitions of a map.

Every function that calls another lives in this one file, because the cache of compiled code on disk notices a change of
the file a function stands in and not of those it calls.
"""

from __future__ import annotations

import math

import numpy as np

from throng.compiled import compiled

CUT = 4.0
WINDOW = 15
HALF = WINDOW // 2

# Phi and its derivative at steps of a 128th: to third order the error of Phi between two steps is below 6e-12.
STEPS = 128
_KNOTS = np.arange(-int(CUT) * STEPS, int(CUT) * STEPS + 1) / STEPS
PHI = np.array([0.5 * math.erf(knot * math.sqrt(0.5)) for knot in _KNOTS])
SLOPE = np.exp(-0.5 * _KNOTS**2) / math.sqrt(2 * math.pi)


@compiled
def mass_map(heads: np.ndarray, sigmas: np.ndarray, rows: int, columns: int, stride: int) -> np.ndarray:
    """Return (rows, columns) float32: each head a Gaussian integrated over every cell, of mass 1 inside the map.

    ``heads`` is (N, 2) float64 x, y inside the image and ``sigmas`` (N,) float64, in pixels; a cell is ``stride`` wide.
    """
    density = np.zeros((rows, columns), np.float32)
    across, down, mass = np.empty(columns, np.float32), np.empty(rows, np.float32), np.empty(max(rows, columns))
    for i in range(len(heads)):
        left, right = _integrated(heads[i, 0], sigmas[i], columns, stride, mass, across)
        top, bottom = _integrated(heads[i, 1], sigmas[i], rows, stride, mass, down)
        _add(density, top, bottom, left, right, down, across)
    return density


@compiled
def sampled_map(
    pixels: np.ndarray, sigmas: np.ndarray, height: int, width: int, stride: int, reflect: bool
) -> np.ndarray:
    """Return (ceil(height / stride), ceil(width / stride)) float32: each head a Gaussian sampled at pixels' centres.

    ``pixels`` is (N, 2) int64 column, row; ``sigmas`` (N,) float64 in pixels. The window ends at int(4 sigma + 0.5)
    pixels and its samples sum to 1; what lies beyond the border is lost, or folded back in where ``reflect``. A cell of
    the map is the sum of its pixels.
    """
    rows, columns = -(-height // stride), -(-width // stride)
    density = np.zeros((rows, columns), np.float32)
    across, down, mass = np.empty(columns, np.float32), np.empty(rows, np.float32), np.empty(max(rows, columns))
    reach = 0
    for i in range(len(sigmas)):
        reach = max(reach, int(CUT * sigmas[i] + 0.5))
    taps, radius = np.empty(reach + 1), 0
    for i in range(len(pixels)):
        if i == 0 or sigmas[i] != sigmas[i - 1]:
            radius = int(CUT * sigmas[i] + 0.5)
            _taps(sigmas[i], radius, taps)
        left, right = _sampled(pixels[i, 0], radius, taps, width, stride, reflect, mass, across)
        top, bottom = _sampled(pixels[i, 1], radius, taps, height, stride, reflect, mass, down)
        _add(density, top, bottom, left, right, down, across)
    return density


@compiled
def recentred_map(pixels: np.ndarray, sigma: float, height: int, width: int, stride: int) -> np.ndarray:
    """Return (ceil(height / stride), ceil(width / stride)) float32: each head a window of 15 pixels of mass 1.

    ``pixels`` is (N, 2) int64 column, row inside the image. Where the border clips the window, a kernel of the smaller
    size takes its place, centred on what is left of the window rather than on the head.
    """
    rows, columns = -(-height // stride), -(-width // stride)
    density = np.zeros((rows, columns), np.float32)
    across, down = np.empty(columns, np.float32), np.empty(rows, np.float32)
    kernels = np.zeros((WINDOW + 1, WINDOW))
    for size in range(1, WINDOW + 1):
        middle = (size - 1) / 2
        for place in range(size):
            # less the exponent nearest the middle, which keeps a tiny sigma from leaving nothing but zeros
            far = (place - middle) ** 2 - (size // 2 - middle) ** 2
            kernels[size, place] = math.exp(-0.5 * far / sigma / sigma)
        kernels[size] /= kernels[size].sum()
    for i in range(len(pixels)):
        left, right = _recentred(pixels[i, 0], width, stride, kernels, across)
        top, bottom = _recentred(pixels[i, 1], height, stride, kernels, down)
        _add(density, top, bottom, left, right, down, across)
    return density


@compiled
def distinct(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the (M, 2) int64 pixels inside the image, each once, in the order of their first appearance."""
    seen = np.zeros((height * width + 63) // 64, np.uint64)
    kept = np.empty((len(pixels), 2), np.int64)
    count = 0
    for i in range(len(pixels)):
        x, y = pixels[i, 0], pixels[i, 1]
        if not (0 <= x < width and 0 <= y < height):
            continue
        word, bit = (y * width + x) // 64, np.uint64(1) << np.uint64((y * width + x) % 64)
        if not seen[word] & bit:
            seen[word] |= bit
            kept[count, 0], kept[count, 1] = x, y
            count += 1
    return kept[:count].copy()


@compiled
def _add(
    density: np.ndarray, top: int, bottom: int, left: int, right: int, down: np.ndarray, across: np.ndarray
) -> None:
    kernel = across[left:right]
    for row in range(top, bottom):
        weight, line = down[row], density[row, left:right]
        for column in range(right - left):
            line[column] += weight * kernel[column]


@compiled
def _integrated(
    centre: float, sigma: float, cells: int, stride: int, mass: np.ndarray, line: np.ndarray
) -> tuple[int, int]:
    """Fill ``line`` with a head's share per cell and return the half-open range of cells it touches."""
    first = max(0, math.floor((centre - CUT * sigma + 0.5) / stride))
    last = min(cells, math.floor((centre + CUT * sigma + 0.5) / stride) + 1)
    scale = 1.0 / sigma
    start = before = _phi((first * stride - 0.5 - centre) * scale)
    for cell in range(first, last):
        after = _phi(((cell + 1) * stride - 0.5 - centre) * scale)
        mass[cell] = after - before
        before = after
    share = 1.0 / (before - start)
    for cell in range(first, last):
        line[cell] = mass[cell] * share
    return first, last


@compiled
def _phi(z: float) -> float:
    """Return the normal distribution function less a half, ``z`` cut at 4 standard deviations."""
    place = (min(max(z, -CUT), CUT) + CUT) * STEPS
    knot = int(place + 0.5)
    t, at = (place - knot) / STEPS, knot / STEPS - CUT
    return PHI[knot] + SLOPE[knot] * t * (1.0 - t * (0.5 * at - t * (at * at - 1.0) / 6.0))


@compiled
def _taps(sigma: float, radius: int, taps: np.ndarray) -> None:
    """Fill ``taps[0..radius]`` with half a Gaussian that sums to 1 over both halves.

    By the ratio of neighbours, exp(-(2u + 1) / 2 sigma^2), itself a geometric series: one exponential for all of it.
    """
    taps[0] = 1.0
    if radius == 0:
        return
    ratio = math.exp(-0.5 / (sigma * sigma))
    step, total = ratio * ratio, 1.0
    for u in range(1, radius + 1):
        taps[u] = taps[u - 1] * ratio
        ratio *= step
        total += 2 * taps[u]
    share = 1.0 / total
    for u in range(radius + 1):
        taps[u] *= share


@compiled
def _sampled(
    centre: int,
    radius: int,
    taps: np.ndarray,
    size: int,
    stride: int,
    reflect: bool,
    mass: np.ndarray,
    line: np.ndarray,
) -> tuple[int, int]:
    """Fill ``line`` with a head's share per cell and return the half-open range of cells it touches."""
    left, right = max(0, centre - radius), min(size, centre + radius + 1)
    if stride == 1 and (not reflect or right - left == 2 * radius + 1):
        for pixel in range(left, centre):
            line[pixel] = taps[centre - pixel]
        for pixel in range(centre, right):
            line[pixel] = taps[pixel - centre]
        return left, right
    first, last = left // stride, (right - 1) // stride + 1
    mass[first:last] = 0.0
    _spread(centre, radius, taps, size, stride, mass)
    if reflect:
        # a mirrored copy never reaches farther into the image than the head itself does
        turns = radius // (2 * size) + 1
        for turn in range(-turns, turns + 1):
            _spread(2 * size * turn - 1 - centre, radius, taps, size, stride, mass)
            if turn != 0:
                _spread(2 * size * turn + centre, radius, taps, size, stride, mass)
    line[first:last] = mass[first:last]
    return first, last


@compiled
def _spread(centre: int, radius: int, taps: np.ndarray, size: int, stride: int, mass: np.ndarray) -> None:
    left, right = max(0, centre - radius), min(size, centre + radius + 1)
    if left >= right:
        return
    for cell in range(left // stride, (right - 1) // stride + 1):
        for pixel in range(max(left, cell * stride), min(right, (cell + 1) * stride)):
            mass[cell] += taps[abs(pixel - centre)]


@compiled
def _recentred(centre: int, size: int, stride: int, kernels: np.ndarray, line: np.ndarray) -> tuple[int, int]:
    """Fill ``line`` with a head's share per cell and return the half-open range of cells it touches."""
    left, right = max(0, centre - HALF), min(size, centre + HALF + 1)
    kernel = kernels[right - left]
    first, last = left // stride, (right - 1) // stride + 1
    if stride == 1:
        for pixel in range(left, right):
            line[pixel] = kernel[pixel - left]
        return first, last
    line[first:last] = 0.0
    for pixel in range(left, right):
        line[pixel // stride] += kernel[pixel - left]
    return first, last
