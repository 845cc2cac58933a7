"""Room for decoded pictures, apart from the heap."""

from __future__ import annotations

import numpy as np

BLOCK_BYTES = 1 << 26


class PixelStore:
    """Copies of arrays in large blocks, up to a budget in bytes.

    On the heap whatever is kept, however small, pins the hole that decoding and resizing left around it: 360
    photographs of 0.6 MB took 3.6 GB there. A block this large is mapped from the system, and untouched pages cost
    nothing.
    """

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._block = np.empty(0, np.uint8)
        self._used = 0

    def keep(self, array: np.ndarray) -> np.ndarray | None:
        """Return a copy of an array in the store, or None when the budget does not reach; not thread-safe."""
        size = array.nbytes
        if size > self._left:
            return None
        self._left -= size
        if self._used + size > len(self._block):
            self._block = np.empty(max(BLOCK_BYTES, size), np.uint8)
            self._used = 0
        kept = self._block[self._used : self._used + size].view(array.dtype).reshape(array.shape)
        self._used += -(-size // 64) * 64
        kept[...] = array
        return kept
