"""What every synthesizer is given and what it offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from throng.images import ImageStore
from throng.tables.detections import DetectionRow
from throng.tables.images import Box, ImageRow, Point
from throng.tables.prompts import PromptRow
from throng.tables.removals import RemovalRow


@dataclass(frozen=True)
class Material:
    """Training photographs, the people found in them, and the same photographs without anybody; keyed by image id.

    ``emptied`` holds edits from which every detected person is gone.
    """

    photographs: dict[str, ImageRow]
    detections: dict[str, DetectionRow]
    emptied: dict[str, RemovalRow]
    store: ImageStore


@dataclass(frozen=True, eq=False)
class Scene:
    """A synthesised image, (H, W, 3) uint8 RGB, and what is known of it.

    ``count`` is exact, or None where the backend cannot know. ``points`` (head points, 0-based pixels), ``boxes``
    (visible boxes) and ``masks`` (COCO run-length strings of visible pixels) are in the same order, or None where the
    backend cannot know; ``background`` is None for an image that was not made on a photograph, and ``parents`` are
    all photographs whose pixels are in it. ``licence`` and ``redistributable`` are the strictest of all that went in.
    """

    pixels: np.ndarray
    count: int | None
    points: list[Point] | None
    boxes: list[Box] | None
    masks: list[str] | None
    background: ImageRow | None
    parents: list[ImageRow]
    licence: str
    redistributable: bool


class Synthesizer(Protocol):
    """Makes the images of prompts, each a function of its prompt and the material alone, never of order or chunk.

    ``batch`` says how many prompts are worth giving at once; ``parallel``, whether ``synthesize`` may be called from
    several threads at once; ``model`` and ``options`` are everything beside prompt and material that decides the image.
    """

    batch: int
    parallel: bool
    model: Mapping[str, str] | None
    options: Mapping[str, Any]

    def synthesize(self, prompts: Sequence[PromptRow]) -> Sequence[Scene | str]:
        """Return one scene for each prompt, in their order, or why there is none, as "short kind: detail"."""
        ...
