"""Annotated images as a detector is trained on them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Example:
    """An annotated image: where its pixels are, its size, (N, 4) people and (M, 4) ignored as x, y, w, h in pixels."""

    id: str
    source: str
    path: str
    width: int
    height: int
    people: np.ndarray
    ignored: np.ndarray


def ignored_pixels(example: Example) -> np.ndarray:
    """Return the (H, W) bool mask of pixels in an ignored box and in nobody's."""
    mask = np.zeros((example.height, example.width), bool)
    for boxes, value in ((example.ignored, True), (example.people, False)):
        for x, y, w, h in np.asarray(boxes, np.float64).reshape(-1, 4):
            mask[max(int(y), 0) : int(np.ceil(y + h)), max(int(x), 0) : int(np.ceil(x + w))] = value
    return mask
