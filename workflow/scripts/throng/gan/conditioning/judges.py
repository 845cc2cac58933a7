"""Judges: whoever says how many people an image shows.

Source: own. A judge is independent of the generator: neither has learnt from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Judge(Protocol):
    """Counts people (``unit`` "people"), or says the label ("label"), from pixels alone."""

    name: str
    says: str
    unit: str
    model: Mapping[str, Any]

    def count(self, pixels: np.ndarray) -> np.ndarray:
        """Return (B,) float64 for (B, R, R, 3) uint8 RGB; raises ThrongError where it has no answer."""
        ...
