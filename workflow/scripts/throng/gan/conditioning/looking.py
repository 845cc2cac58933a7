"""Judges that an earlier stage made, or somebody else: a counter of train_counter, and a detector of people.

Source: own. Both know people at the size at which they have learnt them, so generated images are enlarged first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from throng import detectors
from throng.detectors.protocol import Photograph
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.sections.detectors import Ultralytics
from throng.tables.images import ImageRow


class CounterJudge:
    """A counter of train_counter, which has seen none of a generator's images."""

    unit = "people"

    def __init__(self, path: Path, *, name: str, enlarge: float, scheme: str, device: str) -> None:
        """Load a counter; raises ThrongError when there is none at ``path``."""
        from throng.counting.registry import load_counter

        model, recipe = load_counter(path)
        self._model, self._enlarge, self._scheme = model.to(device), enlarge, scheme
        self.name = name
        self.says = f"a {model.architecture['name']} of train_counter, images enlarged {enlarge:g} times"
        learnt = {key: recipe[key] for key in ("counter", "run") if key in recipe}
        self.model: Mapping[str, Any] = {"file": path.name, "sha256": sha256_file(path), **learnt}

    def count(self, pixels: np.ndarray) -> np.ndarray:
        """Return (B,) float64 people in (B, R, R, 3) uint8 RGB."""
        from throng.counting.inference import Scheme, predict_count

        scheme = cast("Scheme", self._scheme)
        counts = [predict_count(self._model, enlarged(one, self._enlarge), scheme=scheme)[0] for one in pixels]
        return np.array(counts, np.float64)


class DetectorJudge:
    """As many people as a detector finds, one by one."""

    unit = "people"

    def __init__(self, config: Ultralytics, model: Path | None, scratch: Path, *, name: str, enlarge: float) -> None:
        """Load a detector; raises ThrongError when its library or its model is missing."""
        self._detector = detectors.load(config, model, scratch)
        self._enlarge = enlarge
        self.name = name
        self.says = f"who a detector finds at confidence {config.confidence:g}, images enlarged {enlarge:g} times"
        self.model: Mapping[str, Any] = dict(self._detector.model or {})

    def count(self, pixels: np.ndarray) -> np.ndarray:
        """Return (B,) float64 people in (B, R, R, 3) uint8 RGB; raises ThrongError where the detector gives up."""
        counts: list[float] = []
        for start in range(0, len(pixels), self._detector.batch):
            batch = [enlarged(one, self._enlarge) for one in pixels[start : start + self._detector.batch]]
            for found in self._detector.detect([Photograph(_row(one), one) for one in batch]):
                if found.rejection:
                    raise ThrongError(f"judge {self.name!r} cannot count a generated image: {found.rejection}")
                counts.append(float(len(found.people)))
        return np.array(counts, np.float64)


def enlarged(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Return an (H, W, 3) uint8 image ``factor`` times as large each way, bicubic; the same for a factor of 1."""
    if factor == 1:
        return pixels
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)


def _row(pixels: np.ndarray) -> ImageRow:
    """Return a generated image as a detector takes a photograph."""
    return ImageRow(
        id="generated",
        source="",
        path="",
        sha256="",
        bytes=0,
        format="",
        width=pixels.shape[1],
        height=pixels.shape[0],
        channels=3,
        split="",
        scene="",
        licence="",
        redistributable=False,
        count=None,
        points=None,
        people=None,
        erratum="",
        status="ok",
        reason="",
    )
