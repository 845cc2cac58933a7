"""A perceptual fingerprint of 64 bits: images that look alike differ in few of them.

Bits say which of the 64 lowest frequencies of the cosine transform, the constant one left out, lie above their median
(Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2).
"""

import cv2
import numpy as np

SIDE = 32
BITS = 64
STEP = 1e-3  # of a grey level; what is smaller is rounding, not picture


def fingerprint(image: np.ndarray) -> int:
    """Return the fingerprint of an (H, W, 3) uint8 RGB image, 0 to 2**64 - 1; an even image has 0."""
    grey = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64).mean(axis=2)
    return int(fingerprints(grey[None])[0])


def fingerprints(greys: np.ndarray, *, mirrored: bool = False) -> np.ndarray:
    """Return the (N,) uint64 fingerprints of (N, 32, 32) float64 grey images, or of what a mirror shows of them."""
    frequencies = np.stack([cv2.dct(grey) for grey in greys])[:, _ROWS, _COLUMNS]
    if mirrored:
        frequencies[:, _COLUMNS % 2 == 1] *= -1  # a cosine of an odd number of half waves is odd about the middle
    steps = np.round(frequencies / STEP)
    bits = steps > np.median(steps, axis=1, keepdims=True)
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(">u8")[:, 0].astype(np.uint64)


def _lowest() -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the lowest frequencies, by their sum, then by their difference."""
    rows, columns = np.indices((SIDE, SIDE)).reshape(2, -1)
    order = np.lexsort((rows, np.abs(rows - columns), rows + columns))[1 : BITS + 1]
    return rows[order], columns[order]


_ROWS, _COLUMNS = _lowest()
