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
from throng.gan.vicinal import VicinalLabels, Vicinity

LATENTS, VICINITY = 3, 4
GENERATOR, DISCRIMINATOR = 0, 1


class Fakes(NamedTuple):
    """Latents (B, z_dim), codes (B, c_dim) and, for the average styles, classes (B,) of images to generate."""

    z: Tensor
    codes: Tensor
    classes: Tensor


class Piece(NamedTuple):
    """Photographs (B, R, R, 3) uint8 with the codes (B, c_dim) that they are judged under, and the fakes of each phase.

    ``fake_codes`` are what the discriminator's fakes are judged under: their own, or those of the vicinity's target.
    The weights (B,) are 1 but in a soft vicinity.
    """

    pixels: Tensor
    codes: Tensor
    wrong_codes: Tensor
    real_weights: Tensor
    generator: Fakes
    discriminator: Fakes
    fake_codes: Tensor
    fake_weights: Tensor


@dataclass(frozen=True)
class Pieces:
    """Makes the pieces of a training: number n is piece n % pieces of step n // pieces + 1.

    With ``vicinity`` photographs and fakes of scores near a target are judged under the target (Ding et al., 2021).
    """

    images: TrainingSet
    sampler: Sampler
    encoding: Encoding
    options: GanOptions
    z_dim: int
    vicinity: Vicinity | None = None

    def __call__(self, number: int) -> Piece:
        """Return piece ``number``; raises ThrongError when an image cannot be read."""
        step, piece = number // self.options.pieces + 1, number % self.options.pieces
        mine = slice(piece * self.options.at_once, (piece + 1) * self.options.at_once)
        shown = self.sampler.real(step)
        if self.vicinity is not None:
            return self._near(shown, step, mine)
        shown = shown[mine]
        paired = self.options.pairing == "relativistic"
        wrong = self.sampler.wrong(step, shown) if self.options.mismatched else shown
        drawn = [shown if paired else self.sampler.fake(step, phase)[mine] for phase in (GENERATOR, DISCRIMINATOR)]
        fakes = [self._fakes(self._labels(images), step, phase, mine) for phase, images in enumerate(drawn)]
        ones = torch.ones(len(shown))
        return Piece(
            self._pixels(shown),
            self._codes(self._labels(shown), step),
            self._codes(self._labels(wrong), step),
            ones,
            fakes[GENERATOR],
            fakes[DISCRIMINATOR],
            fakes[DISCRIMINATOR].codes,
            ones,
        )

    def _near(self, shown: np.ndarray, step: int, mine: slice) -> Piece:
        assert self._vicinal is not None
        rng = np.random.default_rng([self.sampler.seed, VICINITY, step])
        low, high = self.images.labels.min(), self.images.labels.max()
        targets = self._vicinal.targets(self._labels(shown), rng).clip(low, high)
        near = self._vicinal.draw(targets, rng)
        flipped = rng.integers(0, 2 if self.options.mirror else 1, len(targets)) * len(self.images)
        own = self._vicinal.targets(self._labels(self.sampler.fake(step)), rng).clip(low, high)
        told = targets if self.options.pairing == "relativistic" else own
        codes = self._codes(targets[mine], step)
        return Piece(
            self._pixels((near.images + flipped)[mine]),
            codes,
            self._codes(self._labels(self.sampler.wrong(step, near.images)[mine]), step),
            torch.from_numpy(near.real_weights[mine]).float(),
            self._fakes(told[mine], step, GENERATOR, mine),
            self._fakes(near.fake_labels.clip(low, high)[mine], step, DISCRIMINATOR, mine),
            codes,
            torch.from_numpy(near.fake_weights[mine]).float(),
        )

    @functools.cached_property
    def _vicinal(self) -> VicinalLabels | None:
        return VicinalLabels(self.images.labels, self.vicinity) if self.vicinity is not None else None

    @functools.cached_property
    def mean_code(self) -> Tensor:
        """Return the mean code of the training set, (c_dim,)."""
        return self.encoding.encode(torch.from_numpy(self.images.labels)).mean(0)

    def _labels(self, shown: np.ndarray) -> np.ndarray:
        return self.images.labels[shown % len(self.images)]

    def _pixels(self, shown: np.ndarray) -> Tensor:
        return torch.from_numpy(np.stack([self._image(int(index)) for index in shown]))

    def _image(self, index: int) -> np.ndarray:
        pixels = self.images.pixels(index % len(self.images))
        return pixels if index < len(self.images) else pixels[:, ::-1]

    def _codes(self, labels: np.ndarray, step: int) -> Tensor:
        codes = self.encoding.encode(torch.from_numpy(labels))
        share = self.options.conditioned(step)
        return codes if share == 1 else self.mean_code.lerp(codes, share)

    def _fakes(self, labels: np.ndarray, step: int, phase: int, mine: slice) -> Fakes:
        rng = np.random.default_rng([self.sampler.seed, LATENTS, step, phase])
        z = rng.standard_normal((self.options.batch, self.z_dim), np.float32)[mine]
        classes = labels if self.images.kind == "class" else np.zeros(len(labels))
        return Fakes(torch.from_numpy(z), self._codes(labels, step), torch.from_numpy(classes).long())
