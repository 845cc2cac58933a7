"""What every feature extractor shares: pixels in, one vector per image out, and a name that says what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from throng.errors import ThrongError


@dataclass(frozen=True)
class Extractor:
    """A frozen network that turns an image into ``dim`` numbers; it resizes and scales pixels by itself.

    ``of`` takes (B, 3, H, W) float32 RGB 0..255 on ``device`` to (B, dim) float32. ``digest`` is the hex sha256 of its
    weights; ``comparable`` tells whether distances of its features may stand beside published ones, and ``note`` why.
    """

    name: str
    digest: str
    dim: int
    comparable: bool
    note: str
    device: str
    of: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return (B, dim) float32 features of (B, H, W, 3) uint8 RGB pixels; raises ThrongError for anything else."""
        if pixels.ndim != 4 or pixels.shape[-1] != 3 or pixels.dtype != np.uint8:
            raise ThrongError(
                f"features are of (B, H, W, 3) uint8 RGB pixels, not of {pixels.shape} {pixels.dtype}: convert them"
            )
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            return self.of(images).float().cpu().numpy()

    def card(self) -> dict[str, str | int | bool]:
        """Return name, digest, dim, comparable and note, for a report."""
        return {
            "name": self.name,
            "digest": self.digest,
            "dim": self.dim,
            "comparable": self.comparable,
            "note": self.note,
        }


def features_of(extractor: Extractor, batches: Iterable[np.ndarray]) -> np.ndarray:
    """Return (N, dim) float32 features of batches of (B, H, W, 3) uint8 pixels; (0, dim) of none."""
    parts = [extractor(batch) for batch in batches]
    return np.concatenate(parts) if parts else np.empty((0, extractor.dim), np.float32)


def batched(images: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield (H, W, 3) uint8 images as (up to ``size``, H, W, 3); raises ThrongError when one has another shape."""
    batch: list[np.ndarray] = []
    for number, image in enumerate(images):
        if batch and image.shape != batch[0].shape:
            raise ThrongError(f"image {number} has shape {image.shape}, the one before {batch[0].shape}: resize them")
        batch.append(image)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
