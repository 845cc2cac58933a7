"""Counters of fit_counts as the commands count with them: one run, or several whose mean is the count."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from throng.counting.ensemble import Counted, counter_files
from throng.encoders.files import kind_of
from throng.errors import ThrongError
from throng.images import decode
from throng.ranking.fitted import LEVEL, FittedCounter, load_fitted
from throng.ranking.partition import merged_map


class FittedEnsemble:
    """One or several runs of a fit; their mean is the count, and the interval holds each of their intervals."""

    def __init__(self, members: list[FittedCounter]) -> None:
        self.members = members

    @property
    def level(self) -> float | None:
        """Return the probability that the intervals promise, None where a run has none."""
        return LEVEL if all(member.head.poisson is not None for member in self.members) else None

    @property
    def scheme(self) -> str:
        """Return how photographs are cut, in words: each run's own choice."""
        ways = {f"{member.partition.kind} {member.partition.n}" for member in self.members}
        return ", ".join(sorted(ways))

    def warnings(self) -> list[str]:
        """Return what a user of these counts must know, one sentence each."""
        if self.level is None:
            return ["no interval is known: only fits by method poisson have one"]
        return ["the interval was learnt from synthesised images: photographs may be further off"]

    def decode(self, data: bytes) -> np.ndarray:
        """Decode image bytes to (H, W, 3) uint8 RGB; raises ThrongError for what is no image."""
        return decode(data)

    def as_taken(self, frame: np.ndarray) -> np.ndarray:
        """Return (H, W, 3) or grey (H, W) uint8 pixels of a video's frame as RGB."""
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB) if frame.ndim == 2 else frame

    def count(self, image: np.ndarray) -> Counted:
        """Return the count of an (H, W, 3) uint8 RGB image; raises as :meth:`FittedCounter.parts` does."""
        cut = [member.parts(image) for member in self.members]
        stride = min(member.map_stride(image) for member in self.members)
        maps = [merged_map(parts, image.shape, stride) for parts in cut]
        around = [member.interval_of(parts) for member, parts in zip(self.members, cut, strict=True)]
        known = [interval for interval in around if interval is not None]
        return Counted(
            count=float(np.mean([sum(part.people for part in parts) for parts in cut])),
            interval=(min(low for low, _ in known), max(high for _, high in known)) if len(known) == len(cut) else None,
            density=np.mean(maps, 0).astype(np.float32),
            stride=stride,
            image_scale=1.0,
            shape=(image.shape[0], image.shape[1]),
        )


def load_fitted_ensemble(path: Path, device: str = "cpu") -> FittedEnsemble | None:
    """Return the counters of fit_counts at ``path``, found as :func:`throng.counting.ensemble.load_ensemble` finds its.

    None where the first file there is something else, for others to read or to refuse. Raises ThrongError where runs
    of a fit lie beside other files of that name.
    """
    files = counter_files(path)
    if not files or kind_of(files[0]) != "fitted":
        return None
    if other := [file for file in files if kind_of(file) != "fitted"]:
        raise ThrongError(f"{other[0]} is no counter of fit_counts, {files[0]} is one: name one of them")
    return FittedEnsemble([load_fitted(file, device) for file in files])
