"""Sliding windows over a photograph of any size: overlapping, blended by weights that sum to one in every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from throng.errors import ThrongError

Count = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Windows:
    """Windows of at most ``size`` pixels a side, ``overlap`` of it shared at least with the next, ``batch`` at a time.

    Memory is what the network needs for ``batch`` of them, whatever the photograph's size, beside its pixels and map.
    """

    size: int = 768
    overlap: float = 0.25
    batch: int = 1

    def __post_init__(self) -> None:
        if self.size < 16 or self.batch < 1:
            raise ThrongError(f"windows need a size of at least 16 pixels and a batch of at least 1, not {self}")
        if not 0 <= self.overlap <= 0.75:
            raise ThrongError(f"windows overlap by 0 to 0.75 of their size, not {self.overlap}")


@dataclass(frozen=True)
class Axis:
    """Windows of ``length`` along one axis from ``starts``, and their blending ``weights`` (windows, length).

    Lengths and starts are in blocks of so many pixels as a counter's ``multiple``, weights in cells of the map.
    """

    starts: tuple[int, ...]
    length: int
    weights: np.ndarray


def lay_out(blocks: int, length: int, overlap: float, cells_per_block: int = 1) -> Axis:
    """Return evenly spread windows that cover ``blocks`` with the fewest of ``length`` (shorter where one is enough).

    A window's weight is a squared sine of the distance from its border, which falls to zero smoothly where the network
    sees least around, divided by the sum over the windows: what they add up to is one in every cell.
    """
    length = min(length, blocks)
    shared = min(int(np.ceil(overlap * length)), length - 1)
    number = 1 if blocks == length else int(np.ceil((blocks - shared) / (length - shared)))
    starts = np.linspace(0, blocks - length, number).round().astype(int)
    inside = (np.arange(length * cells_per_block) + 0.5) / (length * cells_per_block)
    bump = np.sin(np.pi * inside) ** 2
    total = np.zeros(blocks * cells_per_block)
    spans = [slice(start * cells_per_block, (start + length) * cells_per_block) for start in starts]
    for span in spans:
        total[span] += bump
    return Axis(tuple(int(start) for start in starts), length, np.stack([bump / total[span] for span in spans]))


def windowed_map(count: Count, pixels: np.ndarray, windows: Windows, *, stride: int, multiple: int) -> torch.Tensor:
    """Return the map (1, 1, ceil(h / stride), ceil(w / stride)) float32, on the CPU, of (h, w, C) uint8 pixels.

    ``count`` maps (B, C, H, W) uint8 pixels to maps (B, 1, H / stride, W / stride). Windows start at multiples of
    ``multiple``, so that pooling falls where it falls in the whole photograph; what lies beyond it repeats its edge.
    """
    height, width = pixels.shape[:2]
    length, cells = max(windows.size // multiple, 2), multiple // stride
    down, across = (lay_out(-(-side // multiple), length, windows.overlap, cells) for side in (height, width))
    rows, columns = -(-height // stride), -(-width // stride)
    density = np.zeros((rows, columns), np.float32)
    places = [(i, j) for i in range(len(down.starts)) for j in range(len(across.starts))]
    for first in range(0, len(places), windows.batch):
        group = places[first : first + windows.batch]
        cut = [_window(pixels, down, across, place, multiple) for place in group]
        maps = count(torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2)).cpu().numpy()
        for (i, j), part in zip(group, maps[:, 0], strict=True):
            top, left = down.starts[i] * cells, across.starts[j] * cells
            inside = density[top : top + part.shape[0], left : left + part.shape[1]]
            weight = np.outer(down.weights[i], across.weights[j])[: inside.shape[0], : inside.shape[1]]
            inside += (weight * part[: inside.shape[0], : inside.shape[1]]).astype(np.float32)
    return torch.from_numpy(density)[None, None]


def _window(pixels: np.ndarray, down: Axis, across: Axis, place: tuple[int, int], multiple: int) -> np.ndarray:
    """Return one window (H, W, C), edges repeated where the photograph ends."""
    top, left = down.starts[place[0]] * multiple, across.starts[place[1]] * multiple
    height, width = down.length * multiple, across.length * multiple
    part = pixels[top : top + height, left : left + width]
    return np.pad(part, ((0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)), mode="edge")
