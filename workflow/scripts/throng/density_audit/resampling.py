"""The bootstrap by scene: whole scenes are drawn with replacement, because images of one scene are alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

ROOM = 4_000_000  # numbers held at a time for a block of draws


@dataclass(frozen=True)
class Draws:
    """Draws of scenes: ``scene`` (N,) int is every image's, ``times`` (D, S) int how often each draw has a scene."""

    scene: np.ndarray
    times: np.ndarray
    confidence: float

    @classmethod
    def of(cls, scenes: Sequence[str], number: int, confidence: float, random: np.random.Generator) -> "Draws":
        """Draw ``number`` times as many scenes as there are."""
        _, scene = np.unique(np.asarray(scenes, str), return_inverse=True)
        different = int(scene.max(initial=-1)) + 1
        times = random.multinomial(different, np.full(different, 1 / different), number) if different else None
        return cls(scene, np.zeros((number, 0), int) if times is None else times, confidence)

    def among(self, images: np.ndarray) -> "Draws":
        """Return the same draws for the images that an (N,) bool mask picks."""
        return Draws(self.scene[images], self.times, self.confidence)

    @property
    def scenes(self) -> int:
        """Return how many scenes the images are of."""
        return len(np.unique(self.scene))

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield how often each image is drawn, (d, N) int, a block of draws at a time."""
        step = max(1, ROOM // max(len(self.scene), 1))
        for start in range(0, len(self.times), step):
            yield self.times[start : start + step][:, self.scene]

    def interval(self, drawn: np.ndarray) -> tuple[float | None, float | None]:
        """Return the percentile interval of (D,) drawn values; None of fewer than two scenes.

        Draws in which the value is undefined (NaN) are left out (Efron, "Bootstrap Methods", Ann. Statist. 7, 1979).
        """
        known = drawn[np.isfinite(drawn)]
        if self.scenes < 2 or len(known) == 0:
            return None, None
        outside = (1 - self.confidence) / 2
        low, high = np.quantile(known, [outside, 1 - outside])
        return float(low), float(high)
