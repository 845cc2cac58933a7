"""How a photograph looks - exposure, contrast, colour cast, sharpness - and how to make pixels of one fit another.

Colours are matched by mean and spread in a luma-chroma space (Reinhard et al., "Color Transfer between Images", IEEE
CG&A 2001), in part only: people may wear what the background does not show. Blur is estimated from the gradient at
edges before and after blurring once more (Zhuo and Sim, "Defocus map estimation from a single image", Pattern
Recognition 2011, eq. 5).
"""

from dataclasses import dataclass

import cv2
import numpy as np

STRENGTH = 0.65
LUMA_GAINS = (0.8, 1.4)
CHROMA_GAINS = (0.5, 1.4)
GREY_SPREAD = 1.5  # standard deviation of chroma below which a photograph is black and white
REBLUR = 1.0
GRADIENT_BLUR = 0.5  # variance that the gradient filter itself adds, measured on planted blurs
EDGE_SHARE = 0.03
LUMA_CHROMA = np.array([[0.299, 0.587, 0.114], [0.5, -0.4187, -0.0813], [-0.1687, -0.3313, 0.5]])


@dataclass(frozen=True)
class Look:
    """Mean and standard deviation of luma and both chromas (0..255 scale), blur sigma in pixels."""

    mean: tuple[float, float, float]
    spread: tuple[float, float, float]
    blur: float

    @property
    def is_grey(self) -> bool:
        """Tell whether the photograph has no colours."""
        return max(self.spread[1:]) < GREY_SPREAD


def look_of(pixels: np.ndarray) -> Look:
    """Measure an (H, W, 3) uint8 RGB photograph."""
    small = pixels[::4, ::4].reshape(-1, 3).astype(np.float64) @ LUMA_CHROMA.T
    mean, spread = small.mean(axis=0).tolist(), small.std(axis=0).tolist()
    return Look((mean[0], mean[1], mean[2]), (spread[0], spread[1], spread[2]), blur_of(pixels))


def blur_of(pixels: np.ndarray) -> float:
    """Return the sigma in pixels of the blur of the sharpest edges of an (H, W, 3) uint8 image."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    before = _gradient(grey)
    after = _gradient(cv2.GaussianBlur(grey, (0, 0), REBLUR))
    edges = before >= max(float(np.quantile(before[::2, ::2], 1 - EDGE_SHARE)), 1e-3)
    if not edges.any():
        return 0.0
    ratio = float(np.median(before[edges] / np.maximum(after[edges], 1e-6)))
    measured = REBLUR**2 / max(ratio**2 - 1, 1e-2)
    return float(np.sqrt(max(measured - GRADIENT_BLUR, 0.0)))


def _gradient(grey: np.ndarray) -> np.ndarray:
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def matching(source: Look, target: Look, brightness: float = 1.0, turn: float = 0.0) -> np.ndarray:
    """Return the (3, 4) float32 matrix that makes premultiplied RGBA of ``source`` look like ``target``.

    ``brightness`` is the light at the place over the mean light of the target photograph; ``turn`` turns all hues by so
    many radians in the plane of the chromas.
    """
    gain, shift = np.empty(3), np.empty(3)
    for axis in range(3):
        low, high = LUMA_GAINS if axis == 0 else CHROMA_GAINS
        ratio = (target.spread[axis] + 1e-3) / (source.spread[axis] + 1e-3)
        gain[axis] = np.clip(ratio**STRENGTH, low, high)
        shift[axis] = source.mean[axis] + STRENGTH * (target.mean[axis] - source.mean[axis])
    if target.is_grey:
        gain[1:], shift[1:] = 0.0, target.mean[1:]
    back = np.linalg.inv(LUMA_CHROMA)
    turned = np.eye(3)
    turned[1:, 1:] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix = back @ (gain[:, None] * (turned @ LUMA_CHROMA))
    offset = back @ (shift - gain * np.array(source.mean))
    return (np.column_stack([matrix, offset]) * brightness).astype(np.float32)


def missing_blur(have: float, want: float) -> float:
    """Return the sigma in pixels that takes a blur of ``have`` to one of ``want``; 0 when it is blurred enough."""
    return float(np.sqrt(max(want**2 - have**2, 0.0)))
