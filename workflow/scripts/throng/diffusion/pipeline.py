"""A pipeline that is loaded, tried out and made fast, once per job, and everything that decides what it draws."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throng.diffusion import folder as folders
from throng.diffusion import loading
from throng.diffusion.loading import INPAINTING
from throng.diffusion.rendering import Renderer, multiple, native_size
from throng.diffusion.speed import speed_up
from throng.errors import ThrongError
from throng.sections.base import output_slice
from throng.sections.pipelines import Pipeline, Prompted

TRIAL = 64  # pixels: the least that a pipeline is tried out on


class Loaded:
    """The pipeline of a folder for one task."""

    def __init__(self, config: Prompted, folder: Path, task: str, section: str) -> None:
        self._config, self._folder, self._task, self._section = config, folder, task, section
        self._pipeline = loading.load(config, folder, task, section)
        self._reuse = speed_up(self._pipeline, config, section)
        try:
            self.multiple = multiple(self._pipeline)
            self.size = config.size or native_size(self._pipeline)
        except AttributeError as error:
            raise loading.unusable(folder, task, error, section) from error
        if self.size % self.multiple:
            raise ThrongError(f"{section}.size is {self.size}, the model needs a multiple of {self.multiple}")
        self.model: Mapping[str, str] = folders.identity(folder)

    def renderer(
        self, prompt: str, negative_prompt: str | None, *, task: str | None = None, strength: float | None = None
    ) -> Renderer:
        """Return the pipeline with its prompts, tried out; for another task, a pipeline of the same networks.

        Raises ThrongError when the model is of another kind than the task needs.
        """
        task = task or self._task
        pipeline = self._pipeline
        if task != self._task:
            pipeline = loading.sibling(pipeline, task, self._folder, self._section)
        try:
            renderer = Renderer(
                pipeline,
                self._config,
                prompt=prompt,
                negative_prompt=negative_prompt,
                strength=strength or self._config.strength,
                reuse=self._reuse,
            )
            side = self.size if self._config.compile else -(-TRIAL // self.multiple) * self.multiple
            renderer.try_out(side, masked=task == INPAINTING)
        except Exception as error:  # whatever a foreign model makes the library raise
            raise loading.unusable(self._folder, task, error, self._section) from error
        return renderer

    def options(self, renderer: Renderer) -> Mapping[str, Any]:
        """Return everything that decides what is drawn, as plain JSON values; the negative prompt where it is used."""
        settings = {
            name: value for name, value in output_slice(self._config).items() if name in _settings(self._config)
        }
        scheduler = self._pipeline.scheduler
        return settings | {
            "model": self.model,
            "pipeline": type(self._pipeline).__name__,
            "negative_prompt": renderer.prompts.get("negative_prompt"),
            "scheduler": type(scheduler).__name__,
            "scheduler_options": {
                name: value for name, value in sorted(dict(scheduler.config).items()) if not name.startswith("_")
            },
            "size": self.size,
            "safety_checker": getattr(self._pipeline, "safety_checker", None) is not None,
        }


def _settings(config: Pipeline) -> set[str]:
    """Return the names of the keys that sections of pipelines declare, not those of the stage they are used in."""
    kinds = [
        kind for kind in type(config).__mro__ if issubclass(kind, Pipeline) and kind.__module__ == Pipeline.__module__
    ]
    return {name for kind in kinds for name in kind.model_fields}
