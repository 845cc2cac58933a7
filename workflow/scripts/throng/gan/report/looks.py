"""Images in batches, and a word now and then on how far they are.

Source: own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from throng.bar import Bar
from throng.gan.conditioning.real_images import stacked
from throng.gan.data import TrainingSet


def real_batches(images: TrainingSet, indices: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield images ``indices`` as (up to ``size``, R, R, 3) uint8 RGB, in their order."""
    for start in range(0, len(indices), size):
        yield stacked(images, indices[start : start + size])


def watched(batches: Iterable[np.ndarray], total: int, title: str) -> Iterator[np.ndarray]:
    """Yield batches and tell those who watch how many of ``total`` images are done."""
    done = 0
    with Bar(title, "image", total, 0) as bar:
        for batch in batches:
            yield batch
            done += len(batch)
            bar.tick(done, "")
