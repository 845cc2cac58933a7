"""How an edit meets its photograph: whole on whoever was removed, fading towards the outer edge of what is painted.

The fade lies in the margin about the removed people alone. Where the mask ends at somebody who stays it does not
fade: what is left of that one's rim would still be there when that one goes too.
"""

import cv2
import numpy as np

WHOLE = 255


def opacity(mask: np.ndarray, removed: np.ndarray, staying: np.ndarray, feather_px: float) -> np.ndarray:
    """Return by how many 255ths each pixel is the edit's: (H, W) uint8, above 0 exactly where ``mask`` is True.

    All three masks are (H, W) bool: what may change, the bodies of whoever was removed and of whoever stays. Bodies of
    removed people, a pixel around them included, are wholly the edit's; from the mask's outer edge on it takes
    ``feather_px`` pixels until other ones are.
    """
    inside = (mask | staying).astype(np.uint8)
    weights = np.full(mask.shape, WHOLE, np.uint8)
    if feather_px > 0 and not inside.all():
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        weights = np.ceil(np.minimum(distance / (feather_px + 1), 1) * WHOLE).astype(np.uint8)
        weights[cv2.dilate(removed.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = WHOLE
    weights[~mask] = 0
    return weights


def paste(base: np.ndarray, edit: np.ndarray, area: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``base`` with ``edit`` laid over it in ``area``, a (H, W) bool mask; all else is bit-identical.

    Both images are (H, W, 3) uint8, ``weights`` is what :func:`opacity` gives.
    """
    share = weights[area].astype(np.uint32)[:, None]
    pasted = base.copy()
    pasted[area] = (share * edit[area] + (WHOLE - share) * base[area] + WHOLE // 2) // WHOLE
    return pasted


def laid_over(
    base: np.ndarray, answer: np.ndarray | str, area: np.ndarray | None, weights: np.ndarray | None
) -> np.ndarray | str:
    """Return a remover's answer blended into the image it was made from, as :func:`paste` does.

    A refusal, or a whole image rendered again (``area`` and ``weights`` None), stays as it is.
    """
    if isinstance(answer, str) or area is None or weights is None:
        return answer
    return paste(base, answer, area, weights)
