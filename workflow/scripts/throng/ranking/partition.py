"""A photograph in parts: N x N, by density, or a quadtree, each part counted and every pixel counted once.

An encoder sees a canvas of one size whatever it is given, so a part of a photograph is seen larger than the whole. What
is known of a part is the sum of its features: people = w . features, and a map whose sum is that number. Legacy:
SYRAC's own (resize, then cut); guided: AFreeCA's partition by density.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from throng.errors import ThrongError

Kind = Literal["legacy", "full", "guided", "quadtree"]
KINDS: tuple[Kind, ...] = ("legacy", "full", "guided", "quadtree")
EMPTY, SPARSE, DENSE = "none", "sparse", "dense"
# below half a person rounding says nobody
NOBODY = 0.5


@dataclass(frozen=True)
class Window:
    """A part of an image in its pixels; the corners of an image of any size are whole numbers."""

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True)
class Seen:
    """What an encoder says of one part: people, their variance, pooled features, and the map over the part.

    ``people`` is the sum of ``map`` (rows, columns); the cells' edges are in shares of the part's height and width.
    """

    people: float
    variance: float
    features: np.ndarray
    map: np.ndarray
    row_edges: np.ndarray
    column_edges: np.ndarray


@dataclass(frozen=True)
class Part:
    """A part of a photograph as it is counted in the end, and how it was judged."""

    window: Window
    seen: Seen
    density: str = ""
    depth: int = 0

    @property
    def people(self) -> float:
        """Return the part's people."""
        return self.seen.people


Look = Callable[[Sequence[np.ndarray]], list[Seen]]


@dataclass(frozen=True)
class Partition:
    """How photographs are cut: ``n`` is N of N x N, for "quadtree" how often a part may be quartered.

    ``dense_from`` is the number of people from which a part is dense ("guided"); ``tolerance`` how many standard
    deviations a part may differ from the sum of its quarters and still be left whole ("quadtree").
    """

    kind: Kind = "full"
    n: int = 1
    dense_from: float = 10.0
    tolerance: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ThrongError(f"a photograph is cut by {', '.join(KINDS)}, not {self.kind!r}")
        least = 0 if self.kind == "quadtree" else 1
        if self.n < least:
            raise ThrongError(f"partition {self.kind} needs n of at least {least}, not {self.n}")

    @property
    def finest(self) -> int:
        """Return how many parts there are at most along a side."""
        return 2**self.n if self.kind == "quadtree" else self.n


def cut(height: int, width: int, n: int) -> list[Window]:
    """Return n x n windows, row by row, that together hold every pixel of an image exactly once.

    Sides differ by one pixel at most. Raises ThrongError for an image with fewer than n pixels along a side.
    """
    if min(height, width) < n:
        raise ThrongError(f"an image of {width} x {height} pixels cannot be cut into {n} x {n}: use fewer parts")
    rows = [height * i // n for i in range(n + 1)]
    columns = [width * i // n for i in range(n + 1)]
    return [
        Window(rows[r], columns[c], rows[r + 1] - rows[r], columns[c + 1] - columns[c])
        for r in range(n)
        for c in range(n)
    ]


def parts_of(image: np.ndarray, look: Look, partition: Partition, size: tuple[int, int]) -> list[Part]:
    """Return the parts of an (H, W, 3) photograph, which cover it exactly once, each as it is counted.

    ``look`` says what an encoder with a canvas of ``size`` (h, w) sees in each of several images. Raises ThrongError
    for a photograph too small to be cut so.
    """
    cutters = {"legacy": _legacy, "full": _full, "guided": _guided, "quadtree": _quadtree}
    return cutters[partition.kind](image, look, partition, size)


def _full(image: np.ndarray, look: Look, partition: Partition, _: tuple[int, int]) -> list[Part]:
    windows = cut(image.shape[0], image.shape[1], partition.n)
    seen = look([_crop(image, window) for window in windows])
    return [Part(window, each) for window, each in zip(windows, seen, strict=True)]


def _legacy(image: np.ndarray, look: Look, partition: Partition, size: tuple[int, int]) -> list[Part]:
    height, width = image.shape[:2]
    shrunk = _shrunk(image, size)
    down, across = height / shrunk.shape[0], width / shrunk.shape[1]
    return [
        Part(Window(w.top * down, w.left * across, w.height * down, w.width * across), part.seen)
        for part in _full(shrunk, look, partition, size)
        for w in [part.window]
    ]


def _shrunk(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    _, _, height, width = rectangle(image.shape[:2], size)
    how = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=how)


def _guided(image: np.ndarray, look: Look, partition: Partition, _: tuple[int, int]) -> list[Part]:
    """Keep the whole photograph's map where few are, and look again at the full resolution where many are."""
    windows = cut(image.shape[0], image.shape[1], partition.n)
    (whole,) = look([image])
    coarse = [_part_of(whole, window, image.shape[:2]) for window in windows]
    densities = [density_of(seen.people, partition.dense_from) for seen in coarse]
    dense = [i for i, density in enumerate(densities) if density == DENSE]
    again = dict(zip(dense, look([_crop(image, windows[i]) for i in dense]) if dense else [], strict=True))
    return [
        Part(window, again.get(i, coarse[i]), density)
        for i, (window, density) in enumerate(zip(windows, densities, strict=True))
    ]


def density_of(people: float, dense_from: float) -> str:
    """Return whether a part with so many people, by the whole photograph's map, is empty, sparse or dense."""
    if people >= dense_from:
        return DENSE
    return SPARSE if people >= NOBODY else EMPTY


def _quadtree(image: np.ndarray, look: Look, partition: Partition, _: tuple[int, int]) -> list[Part]:
    """Quarter a part while it and its quarters disagree by more than they are uncertain, up to ``n`` times."""
    (seen,) = look([image])
    whole = Part(Window(0, 0, image.shape[0], image.shape[1]), seen)
    return _settled(image, whole, look, partition)


def _settled(image: np.ndarray, part: Part, look: Look, partition: Partition) -> list[Part]:
    window = part.window
    if part.depth == partition.n or min(window.height, window.width) < 2:
        return [part]
    quarters = [
        Window(window.top + q.top, window.left + q.left, q.height, q.width)
        for q in cut(int(window.height), int(window.width), 2)
    ]
    children = [
        Part(quarter, seen, depth=part.depth + 1)
        for quarter, seen in zip(quarters, look([_crop(image, q) for q in quarters]), strict=True)
    ]
    if agree(part, children, partition.tolerance):
        return [part]
    return [leaf for child in children for leaf in _settled(image, child, look, partition)]


def agree(part: Part, children: Sequence[Part], tolerance: float) -> bool:
    """Tell whether a part's people and its quarters' differ by no more than ``tolerance`` standard deviations.

    The deviation is that of the difference of two independent counts: both looks' variances, added.
    """
    variance = part.seen.variance + sum(child.seen.variance for child in children)
    return abs(part.people - sum(child.people for child in children)) <= tolerance * variance**0.5


def rectangle(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return (top, left, height, width), whole pixels, of an (H, W) image on the canvas of ``place_on``."""
    scale = min(size[0] / shape[0], size[1] / shape[1])
    height, width = (max(1, round(side * scale)) for side in shape[:2])
    return (size[0] - height) // 2, (size[1] - width) // 2, height, width


def _crop(image: np.ndarray, window: Window) -> np.ndarray:
    top, left, height, width = (int(v) for v in (window.top, window.left, window.height, window.width))
    return image[top : top + height, left : left + width]


def _part_of(whole: Seen, window: Window, shape: tuple[int, ...]) -> Seen:
    """Return what was seen of a photograph inside one of its windows; its features are shared by people."""
    down, across = (
        np.clip(np.array([start, start + length]) / side, 0, 1)
        for start, length, side in (
            (window.top, window.height, shape[0]),
            (window.left, window.width, shape[1]),
        )
    )
    edges = [
        np.unique(np.concatenate([ends, own[(own > ends[0]) & (own < ends[1])]]))
        for ends, own in ((down, whole.row_edges), (across, whole.column_edges))
    ]
    inside = overlaps(whole.row_edges, edges[0]) @ whole.map @ overlaps(whole.column_edges, edges[1]).T
    people = float(inside.sum())
    share = people / whole.people if whole.people > 0 else 0.0
    row_edges, column_edges = (
        (own - ends[0]) / (ends[1] - ends[0]) for own, ends in zip(edges, (down, across), strict=True)
    )
    return Seen(people, whole.variance * share, whole.features * share, inside, row_edges, column_edges)


def overlaps(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return (target cells, source cells), the share of each source cell that lies in each target cell, by edges."""
    low = np.maximum(target[:-1, None], source[None, :-1])
    high = np.minimum(target[1:, None], source[None, 1:])
    return np.clip(high - low, 0, None) / np.maximum(np.diff(source), np.finfo(float).tiny)[None, :]


def merged_map(parts: Sequence[Part], shape: tuple[int, ...], stride: int) -> np.ndarray:
    """Return the (ceil(H / stride), ceil(W / stride)) map, people per cell, of a photograph cut into ``parts``.

    Each part's map is laid where the part is, cells shared by overlap, so that the sum is the parts' people.
    """
    height, width = shape[:2]
    edges = [np.minimum(np.arange(-(-side // stride) + 1) * float(stride), side) for side in (height, width)]
    merged = np.zeros((len(edges[0]) - 1, len(edges[1]) - 1))
    for part in parts:
        window, seen = part.window, part.seen
        rows = overlaps(np.clip(window.top + seen.row_edges * window.height, 0, height), edges[0])
        columns = overlaps(np.clip(window.left + seen.column_edges * window.width, 0, width), edges[1])
        merged += rows @ seen.map @ columns.T
    return merged
