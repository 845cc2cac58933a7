"""From a box, or a rough mask, to one person's silhouette: GrabCut, then what a standing person's outline must be.

GrabCut: Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph cuts",
SIGGRAPH 2004.
"""

import cv2
import numpy as np

WORKING_HEIGHT = 180  # pixels of the box that GrabCut sees: more costs time and gains nothing
ITERATIONS = 4
SURROUND = 0.18  # of the box, taken in as known background
FILLED = (0.3, 0.8)  # share of the box that a standing person's silhouette takes
REACH = 0.1  # the silhouette must come as near to the box's top and bottom, share of its height
HEAD_PART = 0.13
HEAD_CENTRE = 0.07


def grab(pixels: np.ndarray, box: tuple[float, float, float, float], others: np.ndarray) -> np.ndarray | None:
    """Return the (H, W) bool silhouette of the person in ``box`` of (H, W, 3) uint8 pixels, or None for a poor one.

    ``box`` is x, y, w, h and ``others`` (N, 4) the boxes of the people around, in pixels of the given crop. Poor is a
    silhouette in pieces, one that fills the box too little or too much, or that ends far from its top or bottom.
    """
    scale = min(1.0, WORKING_HEIGHT / box[3])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    prior = _prior(small.shape[:2], np.array(box) * scale, others * scale)
    cv2.setRNGSeed(0)  # GrabCut's colour clusters start at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(small, prior, (0, 0, 0, 0), *models, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few or too even colours to model
        return None
    mask = ((prior == cv2.GC_FGD) | (prior == cv2.GC_PR_FGD)).astype(np.uint8)
    if scale < 1:
        grown = cv2.resize(mask * 255, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        mask = (grown > 127).astype(np.uint8)
    return whole(mask.astype(bool), box)


def _prior(shape: tuple[int, int], box: np.ndarray, others: np.ndarray) -> np.ndarray:
    prior = np.full(shape, cv2.GC_BGD, np.uint8)
    x, y, w, h = box

    def part(left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        return (
            slice(round(y + top * h), round(y + bottom * h)),
            slice(round(x + left * w), round(x + right * w)),
        )

    prior[part(0.0, 0.0, 1.0, 1.0)] = cv2.GC_PR_BGD
    centre, axes = (round(x + w / 2), round(y + h / 2)), (max(1, round(0.4 * w)), max(1, round(0.52 * h)))
    body = cv2.ellipse(np.zeros(shape, np.uint8), centre, axes, 0, 0, 360, 1, -1).astype(bool)
    prior[body & (prior == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    for other in others:
        left, top, right, bottom = (round(float(v)) for v in (*other[:2], *(other[:2] + other[2:])))
        prior[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = cv2.GC_BGD
    prior[part(0.38, 0.2, 0.62, 0.55)] = cv2.GC_FGD
    return prior


def whole(mask: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray | None:
    """Return the largest piece of a (H, W) bool mask with its holes filled, or None when it is no standing person."""
    count, pieces, figures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(figures[1:, cv2.CC_STAT_AREA]))
    if figures[largest, cv2.CC_STAT_AREA] < 0.85 * mask.sum():
        return None
    body = _filled(pieces == largest)
    share = body.sum() / (box[2] * box[3])
    top, height = figures[largest, cv2.CC_STAT_TOP], figures[largest, cv2.CC_STAT_HEIGHT]
    reaches = top - box[1] <= REACH * box[3] and box[1] + box[3] - (top + height) <= REACH * box[3]
    return body if FILLED[0] <= share <= FILLED[1] and reaches else None


def _filled(mask: np.ndarray) -> np.ndarray:
    """Fill the holes that are small for a body: between the legs or a hand on the hip the place shows through."""
    count, pieces, figures, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = figures[:, cv2.CC_STAT_AREA] < 0.01 * mask.sum()
    small[0] = False
    return mask | small[pieces] if count > 1 else mask


def head_point(mask: np.ndarray) -> tuple[float, float]:
    """Return x, y in pixels of the centre of the head of a standing person's (H, W) bool silhouette, always in it.

    The head is the top 13 % of the height; the point lies 7 % below the top, in its median column.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    middle = float(np.median(np.nonzero(mask[top : top + max(1, round(HEAD_PART * height))])[1]))
    row = int(rows[np.argmin(np.abs(rows - (top + HEAD_CENTRE * height)))])
    columns = np.flatnonzero(mask[row])
    return float(columns[np.argmin(np.abs(columns - middle))]), float(row)
