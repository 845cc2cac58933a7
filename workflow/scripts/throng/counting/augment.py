"""Changes of a crop that leave its count alone: pure functions of pixels, head points and a random generator.

Pixels are (H, W, 3) uint8 RGB. Points are (N, 2) x, y in pixels, the origin at the centre of the top-left one, or None
where they are unknown. A resize by s moves a point x to (x + 0.5) s - 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def random_factor(spread: float, rng: np.random.Generator) -> float:
    """Return a factor between 1 / (1 + spread) and 1 + spread, its logarithm uniform."""
    return float(np.exp(rng.uniform(-1, 1) * np.log1p(spread)))


def factor_between(low: float, high: float, rng: np.random.Generator) -> float:
    """Return a factor between ``low`` and ``high``, its logarithm uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def window_shape(shape: tuple[int, int], factor: float) -> tuple[int, int]:
    """Return the (h, w) of the window that a resize by about ``factor`` turns into ``shape`` (H, W)."""
    return max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor))


def random_window(image: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """Return a window of ``shape`` (h, w) anywhere in a picture, with its top and left in pixels.

    A picture smaller than that is extended below and at its right by repeating its edge.
    """
    top = int(rng.integers(0, max(0, image.shape[0] - shape[0]) + 1))
    left = int(rng.integers(0, max(0, image.shape[1] - shape[1]) + 1))
    window = image[top : top + shape[0], left : left + shape[1]]
    if window.shape[:2] != shape:
        below, beside = shape[0] - window.shape[0], shape[1] - window.shape[1]
        window = np.pad(window, ((0, below), (0, beside), (0, 0)), mode="edge")
    return window, top, left


def inside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which points lie on the pixels of a picture of ``shape`` (H, W), (N,) bool."""
    x, y = points[:, 0], points[:, 1]
    return (x >= -0.5) & (x < shape[1] - 0.5) & (y >= -0.5) & (y < shape[0] - 0.5)


def resized(
    image: np.ndarray, points: np.ndarray | None, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the picture at ``shape`` (H, W), averaged over areas where it shrinks, and its points moved along."""
    import cv2

    height, width = image.shape[:2]
    if (height, width) == shape:
        return image, points
    method = cv2.INTER_AREA if shape[0] * shape[1] < height * width else cv2.INTER_LINEAR
    moved = None if points is None else (points + 0.5) * (shape[1] / width, shape[0] / height) - 0.5
    return cv2.resize(image, (shape[1], shape[0]), interpolation=method), moved


def mirrored(
    image: np.ndarray, points: np.ndarray | None, out: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the picture with left and right exchanged, in ``out`` if given, and its points."""
    import cv2

    moved = None if points is None else np.column_stack([image.shape[1] - 1 - points[:, 0], points[:, 1]])
    # 40 times as fast as a reversed view that NumPy then copies
    return cv2.flip(image, 1, dst=out), moved


def fitted(images: Sequence[np.ndarray], shape: tuple[int, int], factor: float = 1.0) -> list[np.ndarray]:
    """Return whole pictures, all shrunk by one scale: ``factor`` (at most 1) times the largest that fits ``shape``.

    The aspect is kept, and nothing is enlarged.
    """
    height, width = max(image.shape[0] for image in images), max(image.shape[1] for image in images)
    scale = min(1.0, shape[0] / height, shape[1] / width) * factor
    return [
        resized(image, None, (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))))[0]
        for image in images
    ]


def placed(image: np.ndarray, shape: tuple[int, int], ground: np.ndarray, where: tuple[float, float]) -> np.ndarray:
    """Return a picture on a plain ground (3,) uint8 of ``shape`` (H, W), the free height and width shared as told.

    ``where`` is how much of the free height is above, and of the free width at the left, 0 to 1.
    """
    top, left = (round(share * (all_ - own)) for share, all_, own in zip(where, shape, image.shape[:2], strict=True))
    whole = np.empty((*shape, 3), np.uint8)
    whole[:] = ground
    whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole


def mean_colour(image: np.ndarray) -> np.ndarray:
    """Return the mean colour of a picture, (3,) uint8."""
    return np.round(image.mean((0, 1), dtype=np.float64)).astype(np.uint8)


@dataclass(frozen=True)
class Look:
    """A mirroring and a change of colours: ``levels`` (256, 3) uint8 are what each value becomes, None: itself."""

    mirror: bool = False
    levels: np.ndarray | None = None
    grey: bool = False

    def __call__(
        self, image: np.ndarray, points: np.ndarray | None, out: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the changed picture in ``out``, contiguous and of the picture's shape, and its points."""
        import cv2

        if self.mirror:
            image, points = mirrored(image, points, out)
        else:
            np.copyto(out, image)
        if self.levels is not None:
            cv2.LUT(out, self.levels[:, None], dst=out)
        if self.grey:
            cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB, dst=out)
        return out, points


def random_look(*, mirror: bool, jitter: float, gamma: float, grey: float, rng: np.random.Generator) -> Look:
    """Draw how a crop looks.

    Half are mirrored if ``mirror``. ``jitter`` j multiplies the brightness by a factor between 1 - j and 1 + j, and
    each colour by one between 1 - j / 3 and 1 + j / 3; ``gamma`` g first raises it (0..1) to a power between
    1 / (1 + g) and 1 + g; ``grey`` is the share that turns grey (ITU-R BT.601).
    """
    turned = mirror and rng.random() < 0.5
    gain = np.ones(3)
    if jitter:
        gain = (1 + rng.uniform(-jitter, jitter)) * (1 + rng.uniform(-jitter / 3, jitter / 3, 3))
    values = np.arange(256)[:, None]
    if gamma:
        values = 255 * (values / 255) ** random_factor(gamma, rng)
    levels = np.clip(values * gain + 0.5, 0, 255).astype(np.uint8) if jitter or gamma else None
    return Look(turned, levels, bool(grey) and rng.random() < grey)
