"""What every synthesizer is given and what it offers."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from throng.errors import ThrongError
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


@dataclass(frozen=True)
class Scene:
    """A synthesised image, (H, W, 3) uint8 RGB, and what is known of it.

    ``points`` (head points, 0-based pixels) and ``boxes`` (visible boxes) are in the same order, or None where the
    backend cannot know; ``background`` is None for an image that was not made on a photograph, and ``parents`` are
    all photographs whose pixels are in it.
    """

    pixels: np.ndarray
    count: int
    points: list[Point] | None
    boxes: list[Box] | None
    background: ImageRow | None
    parents: list[ImageRow]


class RefusedPromptError(ThrongError):
    """A prompt that cannot be met; its message, "short kind: detail", becomes the row's reason."""


class Synthesizer(Protocol):
    """Makes the image of a prompt: a function of the prompt and the material alone, never of order or chunk."""

    def synthesize(self, prompt: PromptRow) -> Scene:
        """Return the prompt's image; raises RefusedPromptError when it cannot be made. Safe to call from threads."""
        ...
