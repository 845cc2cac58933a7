"""Sampling pictures in batches of one fixed size, each picture from a generator of its own.

Every forward pass sees the same shapes, whoever else is in it, because the last batch is filled up. So what is drawn
depends on the picture and its seed alone, not on how many there are or in which order they come.
"""

import dataclasses
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.diffusion.reuse import DeepReuse
from throng.diffusion.speed import attention, denoiser
from throng.sections.pipelines import Pipeline

FLAGGED = "flagged: the model's safety checker refuses what it drew"
BLACK = "black: the model drew nothing; float16 overflows in some models where bfloat16 and float32 do not"


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """What to sample: ``height`` x ``width`` pixels, from noise of a uint64 seed, as the prompts say.

    ``image`` (H, W, 3) uint8 is what to start from, or the map that a ControlNet heeds; ``mask`` (H, W) uint8 is 255
    where to fill.
    """

    height: int
    width: int
    seed: int
    prompt: str
    negative_prompt: str | None = None
    image: np.ndarray | None = None
    mask: np.ndarray | None = None


class Renderer:
    """A pipeline and the arguments of every call; not to be called by two threads, because schedulers keep state.

    ``heeds_negative`` says whether a negative prompt changes anything. Raises ValueError when the pipeline does not
    take an argument.
    """

    def __init__(self, pipeline: Any, config: Pipeline, reuse: DeepReuse | None, arguments: Mapping[str, Any]) -> None:
        self._pipeline, self._config, self._reuse = pipeline, config, reuse
        self._known = inspect.signature(pipeline.__call__).parameters
        by_prompt = "true_cfg_scale" in self._known and not self._distilled
        guidance = {"true_cfg_scale" if by_prompt else "guidance_scale": config.guidance}
        self._arguments = {"num_inference_steps": config.steps, "output_type": "pt", **guidance, **arguments}
        if missing := sorted(self._arguments.keys() - self._known.keys()):
            raise ValueError(f"it does not take {', '.join(missing)}")
        self.heeds_negative = config.guidance > 1 and "negative_prompt" in self._known and not self._distilled

    def render(self, pictures: Sequence[Picture]) -> list[np.ndarray | str]:
        """Return an (H, W, 3) uint8 image for each picture, in their order, or the reason why there is none."""
        rendered: dict[int, np.ndarray | str] = {}
        alike: dict[tuple[int, int, bool], list[int]] = {}
        for number, picture in enumerate(pictures):
            kind = picture.height, picture.width, self._negative(picture) is None
            alike.setdefault(kind, []).append(number)
        size = self._config.batch
        for numbers in alike.values():
            for start in range(0, len(numbers), size):
                some = numbers[start : start + size]
                rendered.update(zip(some, self._batch([pictures[number] for number in some]), strict=True))
        return [rendered[number] for number in range(len(pictures))]

    def try_out(self, height: int, width: int, *, pictured: bool, masked: bool) -> None:
        """Take as few steps as can be on an even picture, for the error that a wrong kind of model raises."""
        image = np.full((height, width, 3), 127, np.uint8) if pictured else None
        mask = np.full((height, width), 255, np.uint8) if masked else None
        steps = min(self._config.steps, math.ceil(2 / self._arguments.get("strength", 1)))
        self._batch([Picture(height, width, 0, "people", "", image, mask)], num_inference_steps=steps)

    def _batch(self, pictures: Sequence[Picture], **others: Any) -> list[np.ndarray | str]:
        import torch

        filled = [*pictures, *[pictures[-1]] * (self._config.batch - len(pictures))]
        if self._reuse:
            self._reuse.restart()
        with torch.inference_mode(), attention(self._config.attention):
            output = self._pipeline(**self._inputs(filled), **{**self._arguments, **others})
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(filled)
        pixels = output.images.float().permute(0, 2, 3, 1).cpu().numpy()
        return [_finished(*each) for each in zip(pixels[: len(pictures)], flags, strict=False)]

    def _inputs(self, pictures: Sequence[Picture]) -> Mapping[str, Any]:
        import torch
        from PIL import Image

        first = pictures[0]
        inputs: dict[str, Any] = {
            "prompt": [picture.prompt for picture in pictures],
            "generator": [torch.Generator().manual_seed(picture.seed) for picture in pictures],
        }
        if self._negative(first) is not None:
            inputs["negative_prompt"] = [self._negative(picture) for picture in pictures]
        images = [Image.fromarray(picture.image) for picture in pictures if picture.image is not None]
        if images:
            inputs["control_image" if "control_image" in self._known else "image"] = images
        if first.mask is not None:
            inputs["mask_image"] = [Image.fromarray(picture.mask) for picture in pictures if picture.mask is not None]
        sides = {"height": first.height, "width": first.width}
        return inputs | {name: side for name, side in sides.items() if name in self._known}

    def _negative(self, picture: Picture) -> str | None:
        return picture.negative_prompt if self.heeds_negative else None

    @property
    def _distilled(self) -> bool:
        """Whether guidance is an input of the network, as in FLUX.1 dev and Fill: there is no negative prompt then."""
        return bool(getattr(denoiser(self._pipeline).config, "guidance_embeds", False))


def native_size(pipeline: Any) -> int:
    """Return the side, in pixels, of the images that the model was trained on."""
    latents = getattr(pipeline, "default_sample_size", None) or denoiser(pipeline).config.sample_size
    return (latents if isinstance(latents, int) else max(latents)) * pipeline.vae_scale_factor


def multiple(pipeline: Any) -> int:
    """Return what the sides of a rendering must be a multiple of, pixels."""
    patches = pipeline.vae_scale_factor * getattr(pipeline, "patch_size", 1)
    return math.lcm(pipeline.image_processor.config.vae_scale_factor, patches)


def _finished(pixels: np.ndarray, flagged: bool) -> np.ndarray | str:
    """Return (H, W, 3) float pixels in 0..1 as uint8, or why they are no image."""
    if flagged:
        return FLAGGED
    if not np.isfinite(pixels).all() or not pixels.any():
        return BLACK
    return np.rint(pixels * 255).astype(np.uint8)
