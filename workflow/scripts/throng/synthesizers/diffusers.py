"""Backend ``diffusers``: every prompt drawn by a text-to-image model, alone or over a rendered crowd."""

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from throng.diffusion.folder import opened, opened_component
from throng.diffusion.loading import DRAWING, RENDERING
from throng.diffusion.pipeline import Loaded
from throng.diffusion.rendering import Picture
from throng.errors import ThrongError
from throng.render.scene import SMALLEST_SIDE
from throng.sections.pipelines import FromLayout, Lora, UnderControl
from throng.sections.synthesize import Diffusers
from throng.synthesizers.diffusers_layout import MAPS, picture
from throng.synthesizers.gathered import Gathered
from throng.synthesizers.protocol import Scene, Synthesizer
from throng.synthesizers.rendered import frame_of
from throng.tables.prompts import PromptRow

log = logging.getLogger(__name__)
STAGE = "synthesize/diffusers"


def make(config: Diffusers, _gathered: Gathered | None, models: Mapping[str, list[Path]]) -> Synthesizer:
    """Load the pipeline of ``models["model"]`` with its LoRA files and ControlNet; it needs no material.

    Raises ThrongError when it, a file or a library is missing, or does not fit.
    """
    return TextToImage(config, models)


class TextToImage:
    """Draws in batches of one size, the last filled up; nobody knows how many people it draws."""

    parallel = False

    def __init__(self, config: Diffusers, models: Mapping[str, list[Path]]) -> None:
        section = f"synthesize.makers[{config.name}]"
        folder = opened(next(iter(models.get("model", [])), None), config.model, section)
        loaded = Loaded(
            config,
            folder,
            RENDERING if isinstance(config.layout, FromLayout) else DRAWING,
            section,
            _loras(config, models, section),
            _control(config, models, section),
        )
        self._config, self._loaded = config, loaded
        self._width, self._height = loaded.side(config.width, "width"), loaded.side(config.height, "height")
        if config.layout is not None and min(self._width, self._height) < SMALLEST_SIDE:
            raise ThrongError(
                f"{section}.layout: {self._width}x{self._height} pixels are too few for a rendered crowd, both sides "
                f"need {SMALLEST_SIDE}; set width and height, or layout to null"
            )
        self._renderer = loaded.renderer(self._height, self._width, **_arguments(config))
        self._told = False
        self.batch = config.batch
        self.model: Mapping[str, str] | None = loaded.model
        self.options: Mapping[str, Any] = {
            **loaded.options(),
            "width": self._width,
            "height": self._height,
            "heeds_negative_prompt": self._renderer.heeds_negative,
        }

    def synthesize(self, prompts: Sequence[PromptRow]) -> list[Scene | str]:
        """Return one image per prompt, from noise of its own seed; what the safety checker flags has a reason."""
        self._warn_of_unread(prompts)
        if self._config.layout is None:
            asked = [self._picture(prompt) for prompt in prompts]
        else:
            with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                asked = list(pool.map(self._picture, prompts))
        drawn = iter(self._renderer.render([one for one in asked if not isinstance(one, str)]))
        return [one if isinstance(one, str) else self._scene(next(drawn)) for one in asked]

    def _picture(self, prompt: PromptRow) -> Picture | str:
        guide = self._guide(prompt)
        if isinstance(guide, str):
            return guide
        return Picture(self._height, self._width, prompt.seed, prompt.text, prompt.negative or None, guide)

    def _warn_of_unread(self, prompts: Sequence[PromptRow]) -> None:
        for prompt in prompts:
            if not self._told and (unread := self._loaded.unread(prompt.text)):
                log.warning("prompt %s has %s; of others nothing more is said", prompt.id, unread)
                self._told = True

    def _guide(self, prompt: PromptRow) -> np.ndarray | str | None:
        """Return what a rendered crowd of as many people gives the model to follow, or why there is none."""
        layout = self._config.layout
        if layout is None:
            return None
        frame = frame_of(prompt, self._width, self._height, STAGE)
        if isinstance(frame, str):
            return frame
        return (MAPS[layout.condition] if isinstance(layout, UnderControl) else picture)(frame)

    def _scene(self, drawn: np.ndarray | str) -> Scene | str:
        if isinstance(drawn, str):
            return drawn
        return Scene(
            pixels=drawn,
            count=None,
            points=None,
            boxes=None,
            masks=None,
            background=None,
            parents=[],
            licence=self._config.licence,
            redistributable=self._config.redistributable,
        )


def _loras(config: Diffusers, models: Mapping[str, list[Path]], section: str) -> list[tuple[Lora, Path]]:
    files = models.get("loras", [])
    if len(files) != len(config.loras):
        raise ThrongError(
            f"{section}.loras names {len(config.loras)} files, but {len(files)} are here; name one file each"
        )
    return list(zip(config.loras, files, strict=True))


def _control(config: Diffusers, models: Mapping[str, list[Path]], section: str) -> tuple[UnderControl, Path] | None:
    if not isinstance(config.layout, UnderControl):
        return None
    given = next(iter(models.get("controlnet", [])), None)
    return config.layout, opened_component(given, config.layout.model, f"{section}.layout")


def _arguments(config: Diffusers) -> dict[str, Any]:
    if isinstance(config.layout, UnderControl):
        return {"controlnet_conditioning_scale": config.layout.scale, "control_guidance_end": config.layout.until}
    return {} if config.layout is None else {"strength": config.layout.strength}
