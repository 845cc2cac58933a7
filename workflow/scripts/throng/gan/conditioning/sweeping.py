"""The images that judges are shown: every scene under every label, each scene from its own random numbers.

Source: own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from throng.gan.conditioning.asked import Asked
from throng.gan.metrics.drawing import latents_of
from throng.gan.pixels import to_pixels


def swept(
    generator: Any,
    encoding: Any,
    asked: Asked,
    *,
    scenes: int,
    seed: int,
    batch_size: int,
    device: str,
    truncation: float,
) -> Iterator[np.ndarray]:
    """Yield (up to ``batch_size``, R, R, 3) uint8 RGB: all K labels of the first scene, then of the second, ...

    A scene has the same random numbers under every label; they depend on ``seed`` and its number alone.
    """
    labels = np.concatenate([asked.labels] * scenes)
    indices = np.repeat(np.arange(scenes), len(asked.labels))
    generator.eval().to(device)
    for start in range(0, len(indices), batch_size):
        part = slice(start, start + batch_size)
        latents = latents_of(
            generator, encoding, labels[part], indices[part], seed=seed, device=device, truncation=truncation
        )
        with torch.no_grad():
            yield np.asarray(to_pixels(generator.draw(latents)).cpu())
