"""Does a generator draw its training images anew? By pixels, and by an extractor's features.

Source: :mod:`throng.gan.metrics.memorisation`, which this calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.gan.metrics.looking import Looked
from throng.gan.metrics.memorisation import memorisation, nearness
from throng.gan.metrics.neighbours import nearest

Record = dict[str, Any]


@dataclass(frozen=True)
class Neighbours:
    """A generated image, and the numbers of the real images nearest to it, by pixels and by features."""

    sample: int
    by_pixels: int
    by_features: int


@dataclass(frozen=True)
class Memory:
    """What is kept of real and of generated images, the first extractor's ``name``."""

    name: str
    real: Looked
    fake: Looked

    def figures(self) -> Record:
        """Return how many generated images lie suspiciously near to one training image, with a sentence."""
        pixels = memorisation(self.real.thumbnails, self.fake.thumbnails)
        features = memorisation(self.real.features[0], self.fake.features[0])
        copies = max(pixels["copies"], features["copies"])
        told = "; ".join(
            f"by {name} {100 * one['share']:.1f} % ({100 * one['interval'][0]:.1f} to {100 * one['interval'][1]:.1f})"
            for name, one in (("pixels", pixels), (f"features {self.name}", features))
        )
        sentence = (
            f"Suspicious are images as near to one training image as only {100 * pixels['quantile']:g} % of those are "
            f"to another: of {len(self.fake.thumbnails)} generated images, {told}; "
            f"{'none is a copy' if not copies else f'{copies} are copies'}."
        )
        return {"pixels": pixels, "features": features, "name": self.name, "sentence": sentence}

    def shown(self, number: int) -> list[Neighbours]:
        """Return the generated images most suspiciously near to a real one by pixels, in order, no real one twice."""
        near, _, where = nearness(self.fake.thumbnails, self.real.thumbnails)
        order = np.argsort(near, kind="stable")
        first = np.sort(np.unique(where[order], return_index=True)[1])
        chosen = order[first][:number]
        alike = nearest(self.fake.features[0][chosen], self.real.features[0])[1][:, 0]
        return [Neighbours(int(one), int(where[one]), int(other)) for one, other in zip(chosen, alike, strict=True)]
