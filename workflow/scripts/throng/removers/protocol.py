"""What every remover offers."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


class Remover(Protocol):
    """Fills masked areas; pixels outside a mask stay bit-identical."""

    model: Mapping[str, str] | None
    options: Mapping[str, Any]

    def erase(self, image: np.ndarray, masks: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
        """Return one edited (H, W, 3) uint8 image per (H, W) bool mask, each made from the same photograph.

        The result follows from image, mask and ``seed`` (uint64) alone; no mask covers the whole image.
        """
        ...
