"""Judges: whoever says how many people an image shows, and how right each is about real images.

Source: own. A judge is independent of the generator: neither has learnt from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


class Judge(Protocol):
    """Counts people, or says a label, from pixels alone."""

    name: str
    says: str
    unit: str  # "people" or "label"
    model: Mapping[str, Any]

    def count(self, pixels: np.ndarray) -> np.ndarray:
        """Return (B,) float64 for (B, R, R, 3) uint8 RGB; raises ThrongError where it has no answer."""
        ...


@dataclass(frozen=True)
class Reals:
    """Real images that no judge has learnt from: what it says of them is the most that can be measured.

    ``pixels`` (N, R, R, 3) uint8; ``values`` (N,) float64 and ``group`` (N,) int as in
    :class:`~throng.gan.conditioning.asked.Asked`; ``counts`` (N,) people, None where nobody knows.
    """

    pixels: np.ndarray
    values: np.ndarray
    group: np.ndarray
    counts: np.ndarray | None
