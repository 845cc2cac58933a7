"""A pipeline that is loaded, tried out and made fast, once per job, and everything that decides what it draws."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.diffusion import folder as folders
from throng.diffusion import loading, lora
from throng.diffusion.loading import DRAWING, INPAINTING
from throng.diffusion.rendering import Renderer, multiple, native_size
from throng.diffusion.speed import speed_up
from throng.errors import ThrongError
from throng.sections.base import output_slice
from throng.sections.pipelines import Lora, Pipeline, Prompted, UnderControl

log = logging.getLogger(__name__)
TRIAL = 64  # pixels: the least that a pipeline is tried out on


class Loaded:
    """The pipeline of a folder for one task, with what is put on it: LoRA weights, a ControlNet and its settings.

    Raises ThrongError, naming the key of ``section``, when anything is missing or does not fit.
    """

    def __init__(
        self,
        config: Pipeline,
        folder: Path,
        task: str,
        section: str,
        loras: Sequence[tuple[Lora, Path]] = (),
        control: tuple[UnderControl, Path] | None = None,
    ) -> None:
        self._config, self._folder, self._task, self._section = config, folder, task, section
        self._controlled = control is not None
        self._added: dict[str, Any] = {}
        lora.look_for(loras, section)
        components = {}
        if control is not None:
            components["controlnet"] = loading.controlnet(config, *control, f"{section}.layout")
            self._added["controlnet"] = folders.component_identity(control[1])
        self._pipeline = loading.load(config, folder, task, section, **components)
        self._refuse_other_inputs()
        if loras:
            self._added["loras"] = lora.add(self._pipeline, loras, section)
        try:
            self._reuse = speed_up(self._pipeline, config, section)
            self.multiple, self._native = multiple(self._pipeline), native_size(self._pipeline)
        except AttributeError as error:
            raise loading.unusable(folder, task, error, section) from error
        self._identity = folders.identity(folder)

    @property
    def model(self) -> Mapping[str, str]:
        """Return which model it is, by name and sha256, and so what is put on it."""
        loras = "".join(f"{one['file']} {one['sha256']} " for one in self._added.get("loras", []))
        controlnet = " ".join(self._added.get("controlnet", {}).values())
        added = {"loras": loras.strip(), "controlnet": controlnet}
        return {**self._identity, **{name: value for name, value in added.items() if value}}

    def side(self, pixels: int | None, key: str) -> int:
        """Return a side of what is drawn, by default the model's own; raises ThrongError when it cannot be had."""
        side = pixels or self._native
        if side % self.multiple:
            raise ThrongError(f"{self._section}.{key} is {side}, the model needs a multiple of {self.multiple}")
        return side

    def renderer(self, height: int, width: int, *, task: str | None = None, **arguments: Any) -> Renderer:
        """Return the pipeline with arguments of every call, tried out; for another task, of the same networks.

        ``height`` and ``width`` are those of most pictures. Raises ThrongError when the model is of another kind than
        the task needs.
        """
        task = task or self._task
        pipeline = self._pipeline
        if task != self._task:
            pipeline = loading.sibling(pipeline, task, self._folder, self._section)
        least = -(-TRIAL // self.multiple) * self.multiple
        height, width = (height, width) if self._config.compile else (least, least)
        try:
            renderer = Renderer(pipeline, self._config, self._reuse, arguments)
            renderer.try_out(height, width, pictured=task != DRAWING or self._controlled, masked=task == INPAINTING)
        except Exception as error:  # whatever a foreign model makes the library raise
            raise loading.unusable(self._folder, task, error, self._section) from error
        return renderer

    def unread(self, text: str) -> str:
        """Return what the model cannot read of a prompt, in words; empty where it reads all of it."""
        return loading.unread(self._pipeline, text)

    def options(self) -> Mapping[str, Any]:
        """Return everything that decides what is drawn, prompts aside, as plain JSON values."""
        known = _settings(self._config)
        settings = {name: value for name, value in output_slice(self._config).items() if name in known}
        scheduler = self._pipeline.scheduler
        return {
            **settings,
            **self._added,
            "model": self._identity,
            "pipeline": type(self._pipeline).__name__,
            "scheduler": type(scheduler).__name__,
            "scheduler_options": {
                name: value for name, value in sorted(dict(scheduler.config).items()) if not name.startswith("_")
            },
            "safety_checker": getattr(self._pipeline, "safety_checker", None) is not None,
        }

    def _refuse_other_inputs(self) -> None:
        """Raise ThrongError for a UNet that takes more than the picture that it is to draw, as a mask."""
        unet, vae = (getattr(self._pipeline, name, None) for name in ("unet", "vae"))
        if self._task == INPAINTING or unet is None or vae is None:
            return
        taken, drawn = unet.config.in_channels, vae.config.latent_channels
        if taken != drawn:
            error = ValueError(
                f"its network takes {taken} channels, a picture has {drawn}; one that fills masks takes 9"
            )
            raise loading.unusable(self._folder, self._task, error, self._section)


def warn_of_unread(loaded: Loaded, config: Prompted) -> None:
    """Say in the log which of a section's own prompts the model cannot read whole."""
    for key, text in (("prompt", config.prompt), ("negative_prompt", config.negative_prompt or "")):
        if unread := loaded.unread(text):
            log.warning("%s has %s", key, unread)


def _settings(config: Pipeline) -> set[str]:
    """Return the names of the keys that sections of pipelines declare, not those of the stage they are used in."""
    kinds = [
        kind for kind in type(config).__mro__ if issubclass(kind, Pipeline) and kind.__module__ == Pipeline.__module__
    ]
    return {name for kind in kinds for name in kind.model_fields}
