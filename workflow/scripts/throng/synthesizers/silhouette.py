"""From a box, or a rough mask, to one person's silhouette: GrabCut, then what a standing person's outline must be.

GrabCut: Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph cuts",
SIGGRAPH 2004.
"""

import cv2
import numpy as np

WORKING_HEIGHT = 120  # pixels of the box that GrabCut sees: more costs time and gains nothing
ITERATIONS = 3
EDGE = 0.8  # working pixels over which an outline is smoothed
SURROUND = 0.09  # of the box's height, on every side: known background
# ellipses in shares of the box: centre x, y and radii; what is likely, and what is certain, of a standing person
LIKELY = ((0.5, 0.08, 0.17, 0.085), (0.5, 0.33, 0.36, 0.22), (0.5, 0.7, 0.33, 0.3))
CERTAIN = (0.5, 0.36, 0.17, 0.2)
CERTAIN_HEAD = (0.5, 0.08, 0.09, 0.05)  # where no head point is known
SKULL = 0.035  # of the box's height, radius about a known head point: certain
SHOULDERS = 0.12, 0.11  # of the box's height: above the first, nobody is farther than the second from a known head
CORNER = (0.12, 0.1)  # width and height of the box's upper corners, where nobody has anything
FILLED = (0.3, 0.8)  # share of the box that a standing person's silhouette takes
REACH = 0.1  # the silhouette must come as near to the box's top and bottom, share of its height
SOLES = 0.04  # of the height
WIDEST_SOLES = 0.65  # of the widest row: nine in ten of Penn-Fudan's people, hardly a waist
TRUNK = (0.15, 0.6)  # rows, in shares of the height, that a rucksack or a handbag can cover
RIM = 0.03  # of the height: how far a segmentation's outline may lie off the true one
BAY = 0.12  # of the height: how deep a bay in an outline may be that a bag has left
LEAST_BAG = 0.03  # of the height: thinner additions are slivers beside the outline
HEAD_PART = 0.13
WIDEST_HEAD = 0.24  # of the height: nobody of Penn-Fudan's is wider there
HEAD_CENTRE = 0.07


def grab(
    pixels: np.ndarray,
    box: tuple[float, float, float, float],
    others: np.ndarray,
    head: tuple[float, float] | None = None,
) -> np.ndarray | None:
    """Return the (H, W) bool silhouette of the person in ``box`` of (H, W, 3) uint8 pixels, or None for a poor one.

    ``box`` is x, y, w, h and ``others`` (N, 4) the boxes of the people around, ``head`` the person's head point where
    it is known, in pixels of the given crop. Poor is a silhouette in pieces, one that fills the box too little or too
    much, or that ends far from its top or bottom.
    """
    scale = WORKING_HEIGHT / box[3]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how)
    labels = _prior(small.shape[:2], np.array(box) * scale, others * scale, head and (head[0] * scale, head[1] * scale))
    likely = _cut_out(small, labels)
    if likely is None:
        return None
    how = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_AREA
    smooth = cv2.GaussianBlur(
        cv2.resize(likely, (pixels.shape[1], pixels.shape[0]), interpolation=how), (0, 0), EDGE / scale
    )
    return whole(smooth > 127, box)


def with_bags(pixels: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Return a standing person's (H, W) bool silhouette with what is carried on the trunk, by GrabCut about it.

    Segmentation models call rucksacks and handbags something else, so their people have a hole or a bay there. ``body``
    is grown only inside the convex hull of its trunk, by what looks more like the person than like what is around.
    """
    rows = np.flatnonzero(body.any(axis=1))
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    trunk = np.s_[top + round(TRUNK[0] * height) : top + round(TRUNK[1] * height)]
    hull = np.zeros(body.shape, np.uint8)
    corners = np.argwhere(body[trunk])[:, ::-1].astype(np.int32)
    cv2.fillConvexPoly(hull[trunk], cv2.convexHull(corners), 1)
    if not ((hull == 1) & ~body).any():
        return body
    scale = WORKING_HEIGHT / height
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=how)
    size = small.shape[1], small.shape[0]
    inside = cv2.resize(hull * 255, size, interpolation=how) > 127
    labels = _about(cv2.resize(body.astype(np.uint8) * 255, size, interpolation=how) > 127, inside)
    likely = _cut_out(small, labels)
    if likely is None:
        return body
    person = cv2.resize(likely, (body.shape[1], body.shape[0]), interpolation=cv2.INTER_LINEAR) > 127
    added = ((hull == 1) & ~body & person).astype(np.uint8)
    bags = cv2.morphologyEx(added, cv2.MORPH_OPEN, _disc(LEAST_BAG * height / 2)).astype(bool)
    return _filled(body | bags)


def _about(body: np.ndarray, trunk: np.ndarray) -> np.ndarray:
    """Return GrabCut's labels for an outline that may lie off by its rim and lack what is in its trunk's bays."""
    height, rim = np.ptp(np.flatnonzero(body.any(axis=1))) + 1, _disc(RIM * WORKING_HEIGHT)
    whole_body = body.astype(np.uint8)
    closed = cv2.morphologyEx(whole_body, cv2.MORPH_CLOSE, _disc(BAY * height))
    labels = np.full(body.shape, cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(closed, rim) == 1] = cv2.GC_PR_BGD
    labels[body | (trunk & (closed == 1))] = cv2.GC_PR_FGD
    labels[cv2.erode(whole_body, rim) == 1] = cv2.GC_FGD
    return labels


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _cut_out(small: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Run GrabCut and return 255 where the person is likely, (H, W) uint8; None for too few colours to tell apart."""
    cv2.setRNGSeed(0)  # GrabCut's colour clusters start at random
    try:
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, labels, (0, 0, 0, 0), *models, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return None
    return np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), np.uint8(255), np.uint8(0))


def _prior(shape: tuple[int, int], box: np.ndarray, others: np.ndarray, head: tuple[float, float] | None) -> np.ndarray:
    labels = np.full(shape, cv2.GC_BGD, np.uint8)
    x, y, w, h = box.tolist()
    labels[round(y) : round(y + h), round(x) : round(x + w)] = cv2.GC_PR_BGD
    inside = labels == cv2.GC_PR_BGD
    for ellipse in LIKELY:
        labels[inside & _ellipse(shape, box, ellipse)] = cv2.GC_PR_FGD
    for other in others:
        left, top, right, bottom = (round(float(v)) for v in (*other[:2], *(other[:2] + other[2:])))
        theirs = np.zeros(shape, bool)
        theirs[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
        labels[theirs if bottom > y + h else theirs & ~inside] = cv2.GC_BGD  # who is farther hides nothing of this one
    for left in (x, x + (1 - CORNER[0]) * w):
        labels[round(y) : round(y + CORNER[1] * h), round(left) : round(left + CORNER[0] * w)] = cv2.GC_BGD
    labels[inside & _ellipse(shape, box, CERTAIN)] = cv2.GC_FGD
    if head is None:
        labels[inside & _ellipse(shape, box, CERTAIN_HEAD)] = cv2.GC_FGD
    else:
        above, aside = SHOULDERS
        beside = np.abs(np.arange(shape[1]) - head[0]) > aside * h
        labels[: max(round(y + above * h), 0), beside] = cv2.GC_BGD
        cv2.circle(labels, (round(head[0]), round(head[1])), max(1, round(SKULL * h)), cv2.GC_FGD, -1)
    return labels


def _ellipse(shape: tuple[int, int], box: np.ndarray, ellipse: tuple[float, float, float, float]) -> np.ndarray:
    x, y, w, h = box.tolist()
    centre = round(x + ellipse[0] * w), round(y + ellipse[1] * h)
    radii = max(1, round(ellipse[2] * w)), max(1, round(ellipse[3] * h))
    return cv2.ellipse(np.zeros(shape, np.uint8), centre, radii, 0, 0, 360, 1, -1).astype(bool)


def whole(mask: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray | None:
    """Return the largest piece of a (H, W) bool mask, small holes filled, or None when it is no standing person."""
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
    return body if FILLED[0] <= share <= FILLED[1] and reaches and _stands(body[top : top + height]) else None


def _stands(body: np.ndarray) -> bool:
    """Tell whether an outline, (h, w) bool, has a head and feet: who is cut off at the waist or the knees ends wide."""
    widths = body.sum(axis=1)
    if widths[: max(1, round(HEAD_PART * len(widths)))].max() > WIDEST_HEAD * len(widths):
        return False
    return bool(widths[-max(1, round(SOLES * len(widths))) :].mean() <= WIDEST_SOLES * widths.max())


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
