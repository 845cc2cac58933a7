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
    """What to sample: an (H, W, 3) uint8 image, an (H, W) uint8 mask (255: to fill) or None, and a uint64 seed."""

    image: np.ndarray
    mask: np.ndarray | None
    seed: int


class Renderer:
    """A pipeline with its prompts; not to be called by two threads at once, because schedulers keep state."""

    def __init__(
        self,
        pipeline: Any,
        config: Pipeline,
        *,
        prompt: str,
        negative_prompt: str | None,
        strength: float,
        reuse: DeepReuse | None,
    ) -> None:
        self._pipeline, self._config, self._reuse = pipeline, config, reuse
        self._known = inspect.signature(pipeline.__call__).parameters
        self.arguments: Mapping[str, Any] = self._constant(strength)
        guided = self.arguments.get("true_cfg_scale", self.arguments.get("guidance_scale", 0)) > 1
        takes = "negative_prompt" in self._known and not self._distilled
        self.prompts = {"prompt": prompt}
        if negative_prompt is not None and guided and takes:
            self.prompts["negative_prompt"] = negative_prompt

    def render(self, pictures: Sequence[Picture]) -> list[np.ndarray | str]:
        """Return an (H, W, 3) uint8 image for each picture, in their order, or the reason why there is none."""
        rendered: dict[int, np.ndarray | str] = {}
        shapes: dict[tuple[int, ...], list[int]] = {}
        for number, picture in enumerate(pictures):
            shapes.setdefault(picture.image.shape, []).append(number)
        size = self._config.batch
        for numbers in shapes.values():
            for start in range(0, len(numbers), size):
                some = numbers[start : start + size]
                rendered.update(zip(some, self._batch([pictures[number] for number in some]), strict=True))
        return [rendered[number] for number in range(len(pictures))]

    def try_out(self, side: int, *, masked: bool) -> None:
        """Take as few steps as can be on an even square, for the error that a wrong kind of model raises."""
        image = np.full((side, side, 3), 127, np.uint8)
        mask = np.full((side, side), 255, np.uint8) if masked else None
        steps = min(self._config.steps, math.ceil(2 / self.arguments.get("strength", 1)))
        self._batch([Picture(image, mask, 0)], num_inference_steps=steps)

    def _batch(self, pictures: Sequence[Picture], **others: Any) -> list[np.ndarray | str]:
        import torch

        filled = [*pictures, *[pictures[-1]] * (self._config.batch - len(pictures))]
        if self._reuse:
            self._reuse.restart()
        with torch.inference_mode(), attention(self._config.attention):
            output = self._pipeline(**self._inputs(filled), **{**self.arguments, **others})
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(filled)
        pixels = output.images.float().permute(0, 2, 3, 1).cpu().numpy()
        return [_finished(*each) for each in zip(pixels[: len(pictures)], flags, strict=False)]

    def _inputs(self, pictures: Sequence[Picture]) -> Mapping[str, Any]:
        import torch
        from PIL import Image

        height, width = pictures[0].image.shape[:2]
        inputs: dict[str, Any] = {
            "image": [Image.fromarray(picture.image) for picture in pictures],
            "generator": [torch.Generator().manual_seed(picture.seed) for picture in pictures],
        }
        if pictures[0].mask is not None:
            inputs["mask_image"] = [Image.fromarray(picture.mask) for picture in pictures if picture.mask is not None]
        sizes = {name: side for name, side in (("height", height), ("width", width)) if name in self._known}
        prompts = {name: [prompt] * len(pictures) for name, prompt in self.prompts.items()}
        return inputs | sizes | prompts

    @property
    def _distilled(self) -> bool:
        """Whether guidance is an input of the network, as in FLUX.1 dev and Fill: there is no negative prompt then."""
        return bool(getattr(denoiser(self._pipeline).config, "guidance_embeds", False))

    def _constant(self, strength: float) -> Mapping[str, Any]:
        """Return the arguments that are the same for every batch."""
        by_prompt = "true_cfg_scale" in self._known and not self._distilled
        arguments = {
            "num_inference_steps": self._config.steps,
            "true_cfg_scale" if by_prompt else "guidance_scale": self._config.guidance,
            "strength": strength,
            "output_type": "pt",
        }
        if missing := sorted(arguments.keys() - self._known.keys()):
            raise ValueError(f"it does not take {', '.join(missing)}")
        return arguments


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
