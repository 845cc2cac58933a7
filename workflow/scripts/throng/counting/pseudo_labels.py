"""Head points without labels: where a detector's boxes say that heads are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from throng.density.ground import HEAD_OF_STATURE

EDGE = 0.5  # a box begins half a pixel before the centre of its first pixel


def detected_heads(
    people: list[Mapping[str, Any]], shape: tuple[int, int], least_confidence: float = 0.0
) -> np.ndarray:
    """Return the (N, 2) float64 heads x, y in pixels of the people detected with at least a confidence, in their order.

    A head's centre is in the middle of the upper edge of its person's box, lowered by half a head, 0.0675 of the box's
    height (density's own rule for people who have a box and no point), and kept on a picture of ``shape`` (H, W). Boxes
    without a height, a width or finite numbers tell nothing and are left out.
    """
    chosen = [(p["x"], p["y"], p["w"], p["h"]) for p in people if p["score"] >= least_confidence]
    boxes = np.array(chosen, np.float64).reshape(-1, 4)
    boxes = boxes[np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)]
    x = boxes[:, 0] + boxes[:, 2] / 2 - EDGE
    y = boxes[:, 1] + boxes[:, 3] * HEAD_OF_STATURE / 2 - EDGE
    return np.column_stack([np.clip(x, 0, shape[1] - 1), np.clip(y, 0, shape[0] - 1)])
