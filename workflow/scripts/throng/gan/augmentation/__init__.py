"""Augmentations of what a discriminator sees that do not leak into what is drawn, while their probability is below 1.

Karras et al. (2020), "Training Generative Adversarial Networks with Limited Data", section 2.
"""

from __future__ import annotations

from torch import Tensor

from throng.gan.augmentation.bands import refilter
from throng.gan.augmentation.blitting import blit
from throng.gan.augmentation.colour import recolour
from throng.gan.augmentation.corruption import add_noise, cut_out
from throng.gan.augmentation.geometry import move
from throng.gan.augmentation.options import SETS, STRENGTHS, TRANSFORMS, Options
from throng.gan.augmentation.strength import AdaptiveP, FixedP, RampP

__all__ = ["SETS", "STRENGTHS", "TRANSFORMS", "AdaptiveP", "Augmentation", "FixedP", "Options", "RampP"]

_STEPS = (blit, move, recolour, refilter, add_noise, cut_out)


class Augmentation:
    """The transforms of ``options``, each applied to each image with its own probability."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def __call__(self, images: Tensor, p: float | Tensor) -> Tensor:
        """Return images (B, 3, R, R), RGB in -1..1, transformed with probability ``p``, which must be in 0..1.

        Random numbers come from PyTorch's global generator on the CPU. The result can be differentiated by the images
        any number of times; p = 0, or a set without transforms, returns the very tensor that was given.
        """
        p = float(p)
        if p == 0 or not self.options.names:
            return images
        for step in _STEPS:
            images = step(images, p, self.options)
        return images
