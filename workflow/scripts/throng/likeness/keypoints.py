"""Where one picture lies on another, when no hash says it: from key points that both show.

Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004; a similarity map by RANSAC.
"""

import cv2
import numpy as np

from throng.likeness.registration import pixels_of

RATIO = 0.8
LEAST = 6
REACH = 3.0  # pixels
MOST = 600


def started(first: np.ndarray, second: np.ndarray) -> np.ndarray | None:
    """Return a (3, 3) map between unit squares from the first (H, W) float32 grey picture to the second, or None."""
    finder = cv2.SIFT.create(nfeatures=MOST)
    points, descriptions = zip(*(finder.detectAndCompute(_bytes(grey), None) for grey in (first, second)), strict=True)
    if any(description is None or len(description) < LEAST for description in descriptions):
        return None
    both = cv2.BFMatcher().knnMatch(*descriptions, k=2)
    good = [pair[0] for pair in both if pair[0].distance < RATIO * pair[1].distance]
    if len(good) < LEAST:
        return None
    here = np.array([points[0][match.queryIdx].pt for match in good], np.float32)
    there = np.array([points[1][match.trainIdx].pt for match in good], np.float32)
    matrix, fitting = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=REACH)
    if matrix is None or int(fitting.sum()) < LEAST:
        return None
    whole = np.vstack([matrix, [0.0, 0.0, 1.0]])
    return np.linalg.inv(pixels_of(second.shape)) @ whole @ pixels_of(first.shape)


def _bytes(grey: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)
