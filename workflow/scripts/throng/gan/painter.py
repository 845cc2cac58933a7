"""A stored generator at work: images from seeds and requested labels, each the same whatever is drawn beside it.

Truncation, and the inverse of the transform that a picture undergoes, are those of Karras et al. (NeurIPS 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throng.errors import ThrongError
from throng.gan.files import StoredGenerator
from throng.gan.metrics.drawing import condition, noise
from throng.gan.pixels import to_pixels
from throng.gan.requests import Request, labels_array


class Painter:
    """Draws with one generator on one device."""

    def __init__(self, stored: StoredGenerator, device: str = "cpu") -> None:
        self.stored, self.device = stored, device
        self.generator: Any = stored.generator.to(device).requires_grad_(False)

    @property
    def resolution(self) -> int:
        """Width and height of an image, pixels."""
        return self.generator.resolution

    def noise(self, seeds: Sequence[int]) -> Tensor:
        """Return standard normal numbers (B, z_dim) on the device, row i of ``seeds[i]`` alone."""
        return torch.cat([noise(seed, [0], self.generator.z_dim) for seed in seeds]).to(self.device)

    def codes(self, requests: Sequence[Request]) -> Tensor | None:
        """Return the labels as the generator is told them, (B, c_dim); None for one that takes no label."""
        return condition(self.generator, self.stored.encoding, labels_array(requests), self.device)

    @torch.no_grad()
    def latents(self, seeds: Sequence[int], requests: Sequence[Request], truncation: float = 1.0) -> Tensor:
        """Return the latents (B, ...) of one seed and one label per image."""
        return self.generator.latents(self.noise(seeds), self.codes(requests), truncation=truncation)

    @torch.no_grad()
    def draw(self, latents: Tensor, transform: Tensor | None = None) -> np.ndarray:
        """Return uint8 RGB pixels (B, R, R, 3) of latents (B, ...), drawn one at a time.

        One at a time, because sums of floats come out otherwise in batches of another size. ``transform`` is as in
        ``draw`` of the generator. Raises ThrongError when an image has values that are not finite.
        """
        moved = None if transform is None else transform.to(self.device)
        return np.concatenate([self._one(latents[index : index + 1], moved) for index in range(len(latents))])

    def _one(self, latents: Tensor, transform: Tensor | None) -> np.ndarray:
        image = self.generator.draw(latents, transform=transform)
        if not bool(image.isfinite().all()):
            raise ThrongError("not finite: the generator drew values that are no numbers")
        return to_pixels(image).cpu().numpy()

    def images(
        self,
        seeds: Sequence[int],
        requests: Sequence[Request],
        *,
        truncation: float = 1.0,
        transform: Tensor | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield the image (R, R, 3), uint8 RGB, of every pair of a seed and a label."""
        for seed, request in zip(seeds, requests, strict=True):
            yield self.draw(self.latents([seed], [request], truncation), transform)[0]
