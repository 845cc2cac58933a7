"""Draws a generator's images from labels, each from its own random numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from throng.errors import ThrongError
from throng.gan.pixels import to_pixels
from throng.seeds import generator as seeded

STAGE = "gan_images"


def noise(seed: int, indices: Sequence[int] | np.ndarray, z_dim: int) -> torch.Tensor:
    """Return (B, z_dim) float32 standard normal numbers; row i depends on ``seed`` and ``indices[i]`` alone."""
    rows = [seeded(seed, STAGE, str(int(index))).standard_normal(z_dim) for index in indices]
    return torch.from_numpy(np.array(rows, np.float32).reshape(len(rows), z_dim))


def condition(generator: Any, encoding: Any, labels: np.ndarray, device: str | torch.device) -> torch.Tensor | None:
    """Return (B, c_dim) encoded labels on ``device``, None for a generator that takes none.

    ``labels`` are (B,) class numbers or scores, or (B, D) vectors. Raises ThrongError when the encoding does not fit
    the generator, or refuses a label.
    """
    if generator.c_dim == 0:
        return None
    encoded = encoding.encode(torch.as_tensor(np.asarray(labels, np.float64)))
    if encoded.shape[1] != generator.c_dim:
        raise ThrongError(
            f"labels are encoded as {encoded.shape[1]} numbers, the generator takes {generator.c_dim}: "
            f"use the encoding that it was saved with"
        )
    return encoded.to(device)


def latents_of(
    generator: Any,
    encoding: Any,
    labels: np.ndarray,
    indices: Sequence[int] | np.ndarray,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    truncation: float = 1.0,
) -> torch.Tensor:
    """Return the latents of images ``indices`` of ``seed`` under ``labels``, one label per image."""
    if len(labels) != len(indices):
        raise ThrongError(f"{len(indices)} images need as many labels, not {len(labels)}")
    z = noise(seed, indices, generator.z_dim).to(device)
    with torch.no_grad():
        return generator.latents(z, condition(generator, encoding, labels, device), truncation=truncation)


def drawn(
    generator: Any,
    encoding: Any,
    labels: np.ndarray,
    *,
    seed: int,
    batch_size: int = 32,
    device: str | torch.device = "cpu",
    truncation: float = 1.0,
) -> Iterator[np.ndarray]:
    """Yield one image per label as (up to ``batch_size``, R, R, 3) uint8 RGB, in the order of ``labels``.

    Image i depends on ``seed``, i and its label alone, not on ``batch_size``: its random numbers are equal to the bit,
    its pixels up to the rounding of float32 sums. ``labels`` are (N,) class numbers or scores, or (N, D) vectors;
    a generator without labels heeds only how many there are. The generator is left on ``device``, in evaluation mode.
    """
    labels = np.asarray(labels)
    generator.eval().to(device)
    for start in range(0, len(labels), batch_size):
        part = labels[start : start + batch_size]
        indices = range(start, start + len(part))
        latents = latents_of(generator, encoding, part, indices, seed=seed, device=device, truncation=truncation)
        with torch.no_grad():
            yield np.asarray(to_pixels(generator.draw(latents)).cpu())


def labels_like(labels: np.ndarray, number: int, *, seed: int) -> np.ndarray:
    """Return ``number`` labels drawn with replacement from the training ``labels`` (N, ...), as in training."""
    if len(labels) == 0:
        raise ThrongError("no training labels to draw from: give those of the training set")
    return np.asarray(labels)[seeded(seed, STAGE, "labels").integers(0, len(labels), number)]
