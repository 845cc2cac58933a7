"""How many bits of a 64-bit word are set, for compiled loops over fingerprints."""

from functools import partial

import numpy as np

from throng.compiled import compiled


@partial(compiled, nogil=True)
def ones(word):
    """Count the bits of a uint64 in parallel (Wilkes, Wheeler and Gill, 1957)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
