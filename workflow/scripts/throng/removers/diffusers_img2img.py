"""Backend ``diffusers-img2img``: whole photographs rendered again, with fewer people or with more.

``reduce`` is SYRAC's way (image to image from the photograph, with a prompt for an empty place), ``enlarge`` AFreeCA's:
the photograph shrunk, and a crowd painted around it. Neither knows how many people it draws.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from throng.diffusion.folder import opened
from throng.diffusion.loading import INPAINTING, RENDERING
from throng.diffusion.pipeline import Loaded, warn_of_unread
from throng.diffusion.rendering import Picture
from throng.removers.diffusers_crops import resized
from throng.removers.protocol import Remover, Request
from throng.sections.remove import DiffusersImg2Img
from throng.tables.removals import ENLARGE, REDUCE

SECTION = "remove"


def make(config: DiffusersImg2Img, model: Path | None) -> Remover:
    """Load the pipeline; raises ThrongError when it or a library is missing or it is of another kind."""
    return DiffusersImg2ImgRemover(config, opened(model, config.model, SECTION))


class DiffusersImg2ImgRemover:
    """Renders every photograph at the model's size, its aspect ratio kept, and gives it back at its own."""

    random = True
    parallel = False

    def __init__(self, config: DiffusersImg2Img, folder: Path) -> None:
        loaded = Loaded(config, folder, RENDERING, SECTION)
        size = loaded.side(config.size, "size")
        self._size, self._multiple, self._config = size, loaded.multiple, config
        self._renderers = {REDUCE: loaded.renderer(size, size, strength=config.strength)}
        if config.enlarged:
            self._renderers[ENLARGE] = loaded.renderer(size, size, task=INPAINTING, strength=1.0)
        warn_of_unread(loaded, config)
        self.recipes: tuple[str, ...] = tuple(self._renderers)
        self.batch = config.batch
        self.model: Mapping[str, str] | None = loaded.model
        negative = config.negative_prompt if self._renderers[REDUCE].heeds_negative else None
        self.options: Mapping[str, Any] = {**loaded.options(), "size": size, "negative_prompt": negative}

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray | str]:
        """Render every photograph from noise seeded by its request."""
        drawn: dict[int, np.ndarray | str] = {}
        for recipe, renderer in self._renderers.items():
            numbers = [number for number, request in enumerate(requests) if request.recipe == recipe]
            pictures = [self._picture(requests[number]) for number in numbers]
            drawn.update(zip(numbers, renderer.render(pictures), strict=True))
        return [self._finished(request, drawn[number]) for number, request in enumerate(requests)]

    def _picture(self, request: Request) -> Picture:
        rows, columns = request.image.shape[:2]
        height, width = frame(rows, columns, self._size, self._multiple)
        image, config = resized(request.image, height, width), self._config
        if request.recipe == REDUCE:
            return Picture(height, width, request.seed, config.prompt, config.negative_prompt, image)
        image, weight = surrounded(image, config.shrink)
        mask = np.where(weight < 1, np.uint8(255), np.uint8(0))
        return Picture(height, width, request.seed, config.crowd_prompt, config.crowd_negative_prompt, image, mask)

    def _finished(self, request: Request, drawn: np.ndarray | str) -> np.ndarray | str:
        """Bring a rendering to its photograph's size; in an enlarged one the photograph's own pixels stay."""
        if isinstance(drawn, str):
            return drawn
        edited = resized(drawn, *request.image.shape[:2])
        if request.recipe == REDUCE:
            return edited
        image, weight = surrounded(request.image, self._config.shrink)
        return np.rint(weight[..., None] * image + (1 - weight[..., None]) * edited).astype(np.uint8)


def frame(height: int, width: int, size: int, multiple: int) -> tuple[int, int]:
    """Return the sides of a rendering: ``size`` squared pixels in all, multiples of ``multiple``, about this shape."""
    scale = size / math.sqrt(height * width) / multiple
    return max(round(height * scale), 1) * multiple, max(round(width * scale), 1) * multiple


def surrounded(image: np.ndarray, shrink: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the image shrunk into the middle of a frame of its own size, and where it shows.

    The frame (H, W, 3) uint8 repeats the shrunk image's border; the weight (H, W) float is 1 in its inside, 0 in the
    frame, and rises between the two over a sixteenth of its sides.
    """
    height, width = image.shape[:2]
    rows, columns = max(round(height * shrink), 1), max(round(width * shrink), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    margins = (top, height - rows - top, left, width - columns - left)
    shown = cv2.copyMakeBorder(resized(image, rows, columns), *margins, cv2.BORDER_REPLICATE)
    return shown, np.outer(_rise(height, top, rows), _rise(width, left, columns))


def _rise(length: int, start: int, inside: int) -> np.ndarray:
    """Return (length,) weights: 0 outside the interval, rising to 1 over a sixteenth of it at both ends."""
    depth = np.minimum(np.arange(length) - start + 1, start + inside - np.arange(length))
    return np.clip(depth / max(inside / 16, 1), 0, 1)
