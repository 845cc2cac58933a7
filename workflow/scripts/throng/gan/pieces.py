"""What one piece of a step works on: photographs, latents and codes, a function of the piece's number alone.

Labels of generated images are drawn from the training set's (Karras et al. 2020, ADA); codes that become the images'
own little by little: Shahbazi et al., "Collapse by Conditioning", ICLR 2022, section 4.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from throng.gan.data import TrainingSet
from throng.gan.labels import Encoding
from throng.gan.options import GanOptions
from throng.gan.sampler import Sampler

LATENTS = 3
GENERATOR, DISCRIMINATOR = 0, 1


class Fakes(NamedTuple):
    """Latents (B, z_dim), codes (B, c_dim) and, for the average styles, classes (B,) of images to generate."""

    z: Tensor
    codes: Tensor
    classes: Tensor


class Piece(NamedTuple):
    """Photographs (B, R, R, 3) uint8 with their codes (B, c_dim) and wrong ones, and what each network's fakes are."""

    pixels: Tensor
    codes: Tensor
    wrong_codes: Tensor
    generator: Fakes
    discriminator: Fakes


@dataclass(frozen=True)
class Pieces:
    """Makes the pieces of a training: number n is piece n % pieces of step n // pieces + 1."""

    images: TrainingSet
    sampler: Sampler
    encoding: Encoding
    options: GanOptions
    z_dim: int

    @functools.cached_property
    def all_codes(self) -> Tensor:
        """Return the code of every image of the training set, (N, c_dim)."""
        return self.encoding.encode(torch.from_numpy(self.images.labels))

    def __call__(self, number: int) -> Piece:
        """Return piece ``number``; raises ThrongError when an image cannot be read."""
        step, piece = number // self.options.pieces + 1, number % self.options.pieces
        mine = slice(piece * self.options.at_once, (piece + 1) * self.options.at_once)
        shown = self.sampler.real(step)[mine]
        paired = self.options.pairing == "relativistic"
        wrong = self.sampler.wrong(step, shown) if self.options.mismatched else shown
        drawn = [shown if paired else self.sampler.fake(step, phase)[mine] for phase in (GENERATOR, DISCRIMINATOR)]
        return Piece(
            torch.from_numpy(np.stack([self._pixels(int(index)) for index in shown])),
            self._codes(shown, step),
            self._codes(wrong, step),
            self._fakes(drawn[GENERATOR], step, GENERATOR, mine),
            self._fakes(drawn[DISCRIMINATOR], step, DISCRIMINATOR, mine),
        )

    def _pixels(self, index: int) -> np.ndarray:
        pixels = self.images.pixels(index % len(self.images))
        return pixels if index < len(self.images) else pixels[:, ::-1]

    def _codes(self, shown: np.ndarray, step: int) -> Tensor:
        codes = self.all_codes[torch.from_numpy(shown % len(self.images))]
        share = self.options.conditioned(step)
        return codes if share == 1 else self.all_codes.mean(0).lerp(codes, share)

    def _fakes(self, drawn: np.ndarray, step: int, phase: int, mine: slice) -> Fakes:
        rng = np.random.default_rng([self.sampler.seed, LATENTS, step, phase])
        z = rng.standard_normal((self.options.batch, self.z_dim), np.float32)[mine]
        classes = self.images.labels[drawn % len(self.images)] if self.images.kind == "class" else np.zeros(len(drawn))
        return Fakes(torch.from_numpy(z), self._codes(drawn, step), torch.from_numpy(classes).long())
