"""What is done to pictures whose counts must agree: tiles, downsampling by many filters, loss of colour, mosaics.

Pictures come and go as uint8. A downsampled picture is one again, rounded and without overshoot, so that neither
fractions nor values outside 0..255 tell it from a tile.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from throng.errors import ThrongError

Grid = tuple[int, int]
PAPER_FILTERS = ("bilinear", "bicubic", "area", "lanczos")


def check_divides(height: int, width: int, grid: Grid) -> None:
    """Raise ThrongError when a picture cannot be cut into that many rows and columns of equal tiles."""
    rows, columns = grid
    if height % rows or width % columns:
        raise ThrongError(
            f"a picture of {height}x{width} pixels cannot be cut into {rows}x{columns} equal tiles: take one of "
            f"{-(-height // rows) * rows}x{-(-width // columns) * columns}, or pad it"
        )


def padded(pixels: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return pictures (B, C, H, W) with their last row and column repeated until the grid divides them."""
    bottom, right = -pixels.shape[2] % grid[0], -pixels.shape[3] % grid[1]
    # PyTorch repeats no integers; every uint8 is a float32
    return functional.pad(pixels.float(), (0, right, 0, bottom), mode="replicate").to(pixels.dtype)


def tiles(pixels: torch.Tensor, grid: Grid = (2, 2)) -> torch.Tensor:
    """Return the disjoint tiles of pictures (B, C, H, W), row by row, (B, rows x columns, C, h, w) of the same type.

    Raises ThrongError when the grid does not divide the picture.
    """
    batch, channels, height, width = pixels.shape
    check_divides(height, width, grid)
    rows, columns = grid
    cut = pixels.reshape(batch, channels, rows, height // rows, columns, width // columns)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels, height // rows, width // columns)


def reassembled(cut: torch.Tensor, grid: Grid = (2, 2)) -> torch.Tensor:
    """Return the pictures (B, C, H, W) that :func:`tiles` (B, rows x columns, C, h, w) were cut from."""
    batch, _, channels, height, width = cut.shape
    rows, columns = grid
    apart = cut.reshape(batch, rows, columns, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    return apart.reshape(batch, channels, rows * height, columns * width)


def downsampled(
    pixels: torch.Tensor, filters: torch.Tensor, names: Sequence[str] = PAPER_FILTERS, grid: Grid = (2, 2)
) -> torch.Tensor:
    """Return uint8 pictures (B, C, H, W) at the size of a tile, (B, C, H / rows, W / columns) uint8.

    Picture b is filtered, antialiased, by ``names[filters[b]]``; ``filters`` is (B,) int64. One product of matrices
    serves all filters at once, and no filter is computed for a picture that another one was drawn for. Raises
    ThrongError when the grid does not divide the picture.
    """
    return resampled(pixels.float(), filters, names, grid).round().clamp(0, 255).to(torch.uint8)


def resampled(
    pixels: torch.Tensor, filters: torch.Tensor, names: Sequence[str] = PAPER_FILTERS, grid: Grid = (2, 2)
) -> torch.Tensor:
    """Return what :func:`downsampled` does before it rounds and clips: float pictures in, float pictures out."""
    height, width = pixels.shape[2:]
    check_divides(height, width, grid)
    with torch.autocast(pixels.device.type, enabled=False):
        rows = _bank(tuple(names), height, height // grid[0]).to(pixels)[filters]
        columns = _bank(tuple(names), width, width // grid[1]).to(pixels)[filters]
        return torch.matmul(torch.matmul(rows[:, None], pixels), columns[:, None].mT)


def greyed(pixels: torch.Tensor, grey: torch.Tensor) -> torch.Tensor:
    """Return uint8 pictures (B, 3, H, W), those where ``grey`` (B,) is true as the mean of their channels."""
    mean = pixels.float().mean(1, keepdim=True).round().to(torch.uint8)
    return torch.where(grey[:, None, None, None], mean, pixels)


@functools.lru_cache(maxsize=32)
def _bank(names: tuple[str, ...], size: int, smaller: int) -> torch.Tensor:
    return torch.stack([torch.from_numpy(_matrix(name, size, smaller)) for name in names])


def _matrix(name: str, size: int, smaller: int) -> np.ndarray:
    """Return the (smaller, size) matrix that resamples a row of pixels; its rows sum to 1 up to the border."""
    if name not in FILTERS:
        raise ThrongError(f"{name!r} is no downsampling filter; there are {', '.join(FILTERS)}")
    kernel, support = FILTERS[name]
    scale = size / smaller
    centres = (np.arange(smaller) + 0.5) * scale
    if kernel is None:
        return np.eye(size)[centres.astype(int)]
    offsets = (np.arange(size) + 0.5 - centres[:, None]) / scale
    weights = np.where(np.abs(offsets) < support, kernel(offsets), 0.0)
    return weights / weights.sum(1, keepdims=True)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1 - np.abs(x))


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution (1981) with a = -1/2, which reproduces parabolas."""
    x = np.abs(x)
    return np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2)


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.sinc(x) * np.sinc(x / 3)


Kernel = Callable[[np.ndarray], np.ndarray]
# kernel and its support in pixels of the smaller picture; None picks the nearest pixel
FILTERS: dict[str, tuple[Kernel | None, float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_cubic, 2.0),
    "area": (np.ones_like, 0.5),
    "lanczos": (_lanczos, 3.0),
    "nearest": (None, math.inf),
}
