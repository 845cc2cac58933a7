"""What every detector offers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from throng.tables.detections import Detection
from throng.tables.images import ImageRow


@dataclasses.dataclass(frozen=True)
class Photograph:
    """An image's row and, for a detector that reads pixels, its (H, W, 3) uint8 RGB pixels."""

    row: ImageRow
    pixels: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Found:
    """The people of one image, best first, or the reason why there is no answer."""

    people: list[Detection]
    rejection: str = ""


class Detector(Protocol):
    """Finds people in a batch of photographs; the answer for one never depends on the others."""

    batch: int
    reads_pixels: bool
    model: Mapping[str, str] | None

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        """Return one answer per photograph, in their order; all photographs of a batch have the same size."""
        ...
