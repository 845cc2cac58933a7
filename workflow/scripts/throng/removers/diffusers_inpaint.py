"""Backend ``diffusers-inpaint``: a latent diffusion model fills the masks, on crops at the size it was trained at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.diffusion.folder import opened
from throng.diffusion.loading import INPAINTING
from throng.diffusion.pipeline import Loaded, warn_of_unread
from throng.diffusion.rendering import Picture
from throng.removers.diffusers_crops import Crop, crops, cut, paste
from throng.removers.protocol import Remover, Request
from throng.sections.pipelines import Inpainting
from throng.seeds import sample_seed

SECTION = "remove"


def make(config: Inpainting, model: Path | None) -> Remover:
    """Load the pipeline; raises ThrongError when it or a library is missing or it is of another kind."""
    return DiffusersInpaintRemover(config, opened(model, config.model, SECTION))


class DiffusersInpaintRemover:
    """Fills each group of people on a crop of its own; all crops of all requests share the batches."""

    recipes: tuple[str, ...] = ("chain", "sham")
    random = True
    parallel = False

    def __init__(self, config: Inpainting, folder: Path) -> None:
        loaded = Loaded(config, folder, INPAINTING, SECTION)
        self._config, self._size = config, loaded.side(config.size, "size")
        self._renderer = loaded.renderer(self._size, self._size, strength=config.strength)
        warn_of_unread(loaded, config)
        self.batch = config.batch
        self.model: Mapping[str, str] | None = loaded.model
        negative = config.negative_prompt if self._renderer.heeds_negative else None
        self.options: Mapping[str, Any] = {**loaded.options(), "size": self._size, "negative_prompt": negative}

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray | str]:
        """Fill every mask from noise seeded by the request's seed and the crop's place."""
        placed = [(number, crop) for number, request in enumerate(requests) for crop in self._crops(request)]
        rendered = self._renderer.render([self._picture(requests[number], crop) for number, crop in placed])
        edited: list[np.ndarray | str] = [request.image.copy() for request in requests]
        for (number, crop), drawn in zip(placed, rendered, strict=True):
            image = edited[number]
            if isinstance(drawn, str):
                edited[number] = drawn
            elif not isinstance(image, str):
                paste(image, crop, drawn)
        return edited

    def _crops(self, request: Request) -> list[Crop]:
        if request.mask is None:
            raise ValueError(f"recipe {request.recipe!r} has no mask to fill")
        return crops(request.mask, self._size, self._config.context, self._config.upscale)

    def _picture(self, request: Request, crop: Crop) -> Picture:
        assert request.mask is not None
        seed = sample_seed(request.seed, "crop", f"{crop.top},{crop.left},{crop.side}")
        return Picture(
            self._size,
            self._size,
            seed,
            self._config.prompt,
            self._config.negative_prompt,
            cut(request.image, crop, self._size),
            cut(request.mask, crop, self._size),
        )
