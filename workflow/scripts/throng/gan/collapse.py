"""Signs that a training has gone wrong: told in the log and the history, never a reason to stop.

Mode collapse and a discriminator that has won: Goodfellow et al. (2014), section 6; that the sign of the logits tells a
discriminator that has memorised: Karras et al. (2020, ADA), section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

WON = 0.98
HOPELESS = 8.0
ALIKE = 0.05
LATENTS = 8


def signs_of_collapse(means: Mapping[str, float], spread: float, real_spread: float) -> list[str]:
    """Return what is wrong, a sentence each, by the means of an interval's observations.

    ``spread`` is that of generated images of one label, ``real_spread`` that of photographs.
    """
    found: list[str] = []
    right = min(means.get("Loss/signs/real", 0.0), -means.get("Loss/signs/fake", 0.0))
    if right >= WON and means.get("Loss/G/loss", 0.0) >= HOPELESS:
        found.append(
            "the discriminator tells all images apart and the generator learns nothing from it: raise gamma, or "
            "augment more"
        )
    if spread < ALIKE * real_spread:
        found.append("all generated images are alike: go back to an earlier snapshot, raise gamma, or ramp labels in")
    return found


@torch.no_grad()
def variety(generator: Any, low: Tensor, high: Tensor, seed: int) -> tuple[float, float]:
    """Return how far images of one label differ, and how far two labels of one latent, each a mean absolute difference.

    ``low`` and ``high`` are the codes (1, c_dim) of the two labels; images are as networks see them, -1..1.
    """
    device = next(generator.parameters()).device
    numbers = np.random.default_rng([seed, LATENTS]).standard_normal((LATENTS, generator.z_dim))
    z = torch.from_numpy(numbers.astype(np.float32)).to(device)
    drawn = [generator(z, code.to(device).expand(LATENTS, -1)).float() for code in (low, high)]
    return difference(drawn[0]), float((drawn[0] - drawn[1]).abs().mean())


def difference(images: Tensor) -> float:
    """Return the mean absolute difference between each of (B, ...) images and the next."""
    return float((images - images.roll(1, 0)).abs().mean())
