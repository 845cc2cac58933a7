"""What every detector offers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from throng.tables.detections import Detection
from throng.tables.images import ImageRow


@dataclasses.dataclass(frozen=True)
class Photograph:
    """An image's row and, for a detector that reads pixels, its (H, W, 3) uint8 RGB pixels or what it made of them."""

    row: ImageRow
    pixels: np.ndarray | None
    prepared: Any = None


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

    def prepare(self, photograph: Photograph) -> Photograph:
        """Do the part of the work that needs no network; any thread may, while another one detects."""
        ...

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        """Return one answer per photograph, prepared or not, in their order; those of a batch have the same size."""
        ...
