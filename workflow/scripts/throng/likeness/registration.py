"""Whether one picture lies on another: laid over it, then compared block by block.

Hashes say that two pictures have a similar lay-out, which two streets may; a copy agrees in its details as well. The
second picture is laid over the first by an affine map that maximises the enhanced correlation coefficient
(Evangelidis and Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", IEEE TPAMI
2008), from coarse to fine; grey values are taken between two scales, where neither lighting nor compression reaches.
"""

import dataclasses
import itertools

import cv2
import numpy as np

from throng.likeness.hashes import Window, reduced

SIDES = (48, 96, 192)  # longer sides, pixels, that are aligned one after the other
STEPS = (50, 30, 20)
FINE, COARSE = 1.0, 6.0  # deviations, pixels, of the Gaussians that bound what is compared
BLOCKS = 8  # a side of the first picture is divided into so many
ALIKE = 0.7  # correlation from which on a block agrees
TELLING = 1.0  # grey levels; a block that varies less in both tells nothing
LEAST_BLOCKS = 8
LEAST_OVERLAP = 0.2


@dataclasses.dataclass(frozen=True)
class Laid:
    """How two pictures agree: share of telling blocks that do, share of the larger picture that both show."""

    agreement: float
    overlap: float


def seen(image: np.ndarray) -> np.ndarray:
    """Return what is compared of an (H, W, 3) uint8 RGB image: (h, w) float32 grey, the longer side 192 pixels."""
    return reduced(image, SIDES[-1])


def lay(first: np.ndarray, second: np.ndarray, start: np.ndarray) -> Laid:
    """Lay one picture over another, both from :func:`seen`, and compare what both show.

    ``start`` (3, 3) maps the first to the second about rightly, both as unit squares. Agreement is 0 where less than a
    fifth of a picture is shown by both, or too little of that tells anything.
    """
    motion = start.astype(np.float64)
    one, other = first, second
    for side, steps in zip(SIDES, STEPS, strict=True):
        one, other = (_details(grey) for grey in _alike_in_scale(first, second, motion, side))
        motion = _aligned(one, other, motion, steps)
    matrix, size = _in_pixels(motion, one.shape, other.shape), one.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other, matrix, size[::-1], flags=flags)
    shared = cv2.warpAffine(np.ones_like(other), matrix, size[::-1], flags=flags) > 0.99
    area = abs(float(np.linalg.det(matrix[:, :2]))) * shared.sum() / other.size
    overlap = min(float(shared.mean()), area)
    return Laid(_agreeing(one, laid, shared) if overlap >= LEAST_OVERLAP else 0.0, overlap)


def start_of(window: Window) -> np.ndarray:
    """Return the (3, 3) map from unit square to unit square of a picture that shows this window of another whole."""
    (left, right), (top, bottom) = window
    return np.array([[right - left, 0.0, left], [0.0, bottom - top, top], [0.0, 0.0, 1.0]])


def _alike_in_scale(
    first: np.ndarray, second: np.ndarray, motion: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return both in pixels of about one size: of a part and of the whole, the whole's longer side has ``side``."""
    magnified = float(np.sqrt(abs(np.linalg.det(motion[:2, :2])) * second.size / first.size))
    return _at_most(first, side * min(1.0, magnified)), _at_most(second, side / max(1.0, magnified))


def _at_most(grey: np.ndarray, side: float) -> np.ndarray:
    scale = side / max(grey.shape)
    height, width = (max(8, round(length * scale)) for length in grey.shape)
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else grey


def _details(grey: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(grey, (0, 0), FINE) - cv2.GaussianBlur(grey, (0, 0), COARSE)


def _aligned(first: np.ndarray, second: np.ndarray, motion: np.ndarray, steps: int) -> np.ndarray:
    """Return a better map of unit squares, the given one where none is found."""
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    matrix = _in_pixels(motion, first.shape, second.shape)
    try:
        _, matrix = cv2.findTransformECC(first, second, matrix, cv2.MOTION_AFFINE, criteria, np.empty(0), 5)
    except cv2.error:  # no correlation to climb
        return motion
    whole = np.vstack([matrix, [0.0, 0.0, 1.0]])
    return np.linalg.inv(pixels_of(second.shape)) @ whole @ pixels_of(first.shape)


def _in_pixels(motion: np.ndarray, first: tuple[int, ...], second: tuple[int, ...]) -> np.ndarray:
    """Return a map of unit squares as (2, 3) float32 from the first's pixels to the second's."""
    return (pixels_of(second) @ motion @ np.linalg.inv(pixels_of(first)))[:2].astype(np.float32)


def pixels_of(shape: tuple[int, ...]) -> np.ndarray:
    """Return the (3, 3) map from the unit square to pixels whose centres are whole numbers."""
    height, width = shape
    return np.array([[width, 0.0, -0.5], [0.0, height, -0.5], [0.0, 0.0, 1.0]])


def _agreeing(first: np.ndarray, second: np.ndarray, shared: np.ndarray) -> float:
    """Return the share of blocks that agree, of those that both show and that tell anything."""
    rows, columns = (np.linspace(0, length, BLOCKS + 1).astype(int) for length in first.shape)
    correlations = []
    for top, bottom in itertools.pairwise(rows.tolist()):
        for left, right in itertools.pairwise(columns.tolist()):
            block = np.s_[top:bottom, left:right]
            if shared[block].size == 0 or shared[block].mean() < 0.9:
                continue
            one, other = first[block] - first[block].mean(), second[block] - second[block].mean()
            deviations = np.array([one.std(), other.std()])
            if deviations.max() < TELLING:
                continue
            correlations.append(float((one * other).mean() / max(deviations.prod(), 1e-6)))
    return float(np.mean(np.array(correlations) > ALIKE)) if len(correlations) >= LEAST_BLOCKS else 0.0
