"""What painting over leaves at the border and in the texture: steps and blur."""

import cv2
import numpy as np

STEP_FLOOR = 1.0  # grey levels
TEXTURE_FLOOR = 1.0  # grey levels squared: the noise of 8 bits, so that flat areas do not divide by nothing


def seam(edited: np.ndarray, photograph: np.ndarray, mask: np.ndarray) -> float | None:
    """Return the mean step across a mask's border over the photograph's at the same pixels, each plus a grey level.

    Images are (H, W, 3) uint8, ``mask`` (H, W) bool. A step is the largest difference of the three channels between
    two neighbours of which one is inside. About 1 is no seam; None where the mask has no border.
    """
    steps = [_steps(image, mask) for image in (edited, photograph)]
    if steps[0].size == 0:
        return None
    return float((steps[0].mean() + STEP_FLOOR) / (steps[1].mean() + STEP_FLOOR))


def sharpness(image: np.ndarray, mask: np.ndarray, ring_px: int) -> float | None:
    """Return the variance of the Laplacian inside a mask over that in the ring of ``ring_px`` pixels around it.

    ``image`` is (H, W, 3) uint8, ``mask`` (H, W) bool; the pixels at either side of the border are left out, where the
    Laplacian sees both. Below 1 the inside is blurred; None where inside or ring is empty.
    """
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(bool)
    touched = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    size = 2 * ring_px + 1
    reach = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))).astype(bool)
    ring = reach & ~touched
    if not inner.any() or not ring.any():
        return None
    detail = cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    return float((detail[inner].var() + TEXTURE_FLOOR) / (detail[ring].var() + TEXTURE_FLOOR))


def _steps(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    inner = np.concatenate([image[:, 1:][across], image[1:][down]]).astype(np.int16)
    outer = np.concatenate([image[:, :-1][across], image[:-1][down]])
    return np.abs(inner - outer).max(axis=1)
