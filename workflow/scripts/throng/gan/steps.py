"""The two halves of a step: what the generator's and the discriminator's losses leave in their gradients.

Alternating steps, non-saturating loss: Goodfellow et al. (2014), algorithm 1; gradient penalty taken of the photograph
as it is, through blur and augmentation: Mescheder et al. (2018), eq. 9, and Karras et al. (2020, ADA), figure 2; wrong
labels as fakes: Reed et al., "Generative Adversarial Text to Image Synthesis", ICML 2016, section 4.2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from throng.gan.losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from throng.gan.options import GanOptions
from throng.gan.pieces import Fakes, Piece
from throng.gan.pixels import to_images

Observed = dict[str, Tensor]


@dataclass
class Half:
    """What both halves of a step need: the networks, how the discriminator sees images, and the step's numbers.

    ``share`` is the piece's part of the step's mean.
    """

    generator: nn.Module
    discriminator: nn.Module
    seen: Callable[[Tensor], Tensor]
    options: GanOptions
    gamma: float
    share: float

    def judged(self, images: Tensor, codes: Tensor) -> Tensor:
        """Return logits (B, 1) of images as the discriminator sees them."""
        return self.discriminator(self.seen(images), codes)


def drawn(generator: nn.Module, fakes: Fakes) -> Tensor:
    """Return generated images (B, 3, R, R); average styles are kept class by class where the network does so."""
    if getattr(generator, "w_avg", None) is None:
        return generator(fakes.z, fakes.codes)
    return generator(fakes.z, fakes.codes, classes=fakes.classes)


def _tracking(generator: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Return what makes a generator move its running averages by what it draws, where it has any."""
    return getattr(generator, "update_magnitudes", contextlib.nullcontext)()


def generator_half(half: Half, piece: Piece) -> tuple[Observed, Tensor]:
    """Add the generator's gradient for a piece; return what was observed and the images that it drew."""
    with contextlib.nullcontext() if half.options.fresh_fakes else _tracking(half.generator):
        images = drawn(half.generator, piece.generator)
    logits = half.judged(images, piece.generator.codes)
    if half.options.pairing == "relativistic":
        with torch.no_grad():
            real = half.judged(to_images(piece.pixels), piece.codes)
        loss, each = relativistic_generator_loss(real, logits, piece.real_weights), F.softplus(real - logits)
    else:
        loss, each = generator_loss(logits), F.softplus(-logits)
    (loss * half.share).backward()
    observed = {"Loss/G/loss": each, "Loss/scores/fake": logits, "Loss/signs/fake": logits.sign()}
    return observed, images.detach()


def discriminator_half(half: Half, piece: Piece, fakes: Tensor | None) -> tuple[Observed, Tensor]:
    """Add the discriminator's gradient for a piece; return what was observed, and the logits of the photographs.

    ``fakes`` are the generator's images to learn on; None draws new ones, by which its running averages move.
    """
    if fakes is None:
        with torch.no_grad(), _tracking(half.generator):
            fakes = drawn(half.generator, piece.discriminator)
        codes = piece.fake_codes
    else:
        codes = piece.generator.codes
    judge = _relativistic if half.options.pairing == "relativistic" else _logistic
    observed = judge(half, piece, fakes, codes)
    return observed, observed["Loss/scores/real"].detach()


def _logistic(half: Half, piece: Piece, fakes: Tensor, codes: Tensor) -> Observed:
    penalise = half.options.penalty_every == 1
    images = to_images(piece.pixels).requires_grad_(penalise)
    fake = half.judged(fakes, codes)
    real = half.judged(images, piece.codes)
    loss = discriminator_loss(real, fake, piece.real_weights, piece.fake_weights)
    observed = _scores(real, fake) | {"Loss/D/loss": F.softplus(fake) + F.softplus(-real)}
    if half.options.mismatched:
        wrong = half.judged(images, piece.wrong_codes)
        loss = loss + half.options.mismatched * F.softplus(wrong).mean()
        observed |= {"Loss/scores/mismatched": wrong, "Loss/signs/mismatched": wrong.sign()}
    if penalise:
        penalty = gradient_penalty(real, images, half.gamma)
        loss = loss + penalty
        observed |= _penalised(penalty, half.gamma)
    (loss * half.share).backward()
    return observed


def _relativistic(half: Half, piece: Piece, fakes: Tensor, codes: Tensor) -> Observed:
    images = to_images(piece.pixels).requires_grad_()
    fakes = fakes.requires_grad_(half.options.penalise_fakes)
    real, fake = half.judged(images, piece.codes), half.judged(fakes, codes)
    penalty = gradient_penalty(real, images, half.gamma)
    observed = _scores(real, fake) | {"Loss/D/loss": F.softplus(fake - real)} | _penalised(penalty, half.gamma)
    loss = relativistic_discriminator_loss(real, fake, piece.real_weights * piece.fake_weights) + penalty
    if half.options.penalise_fakes:
        on_fakes = gradient_penalty(fake, fakes, half.gamma)
        loss = loss + on_fakes
        observed["Loss/r2_penalty"] = on_fakes * (2 / half.gamma)
    (loss * half.share).backward()
    return observed


def penalty_half(half: Half, piece: Piece) -> Observed:
    """Add the gradient of a lazy penalty on photographs, which counts for all the steps since the last one."""
    images = to_images(piece.pixels).requires_grad_()
    penalty = gradient_penalty(half.judged(images, piece.codes), images, half.gamma)
    (penalty * half.options.penalty_every * half.share).backward()
    return _penalised(penalty, half.gamma)


def _scores(real: Tensor, fake: Tensor) -> Observed:
    return {
        "Loss/scores/real": real,
        "Loss/signs/real": real.sign(),
        "Loss/scores/fake": fake,
        "Loss/signs/fake": fake.sign(),
    }


def _penalised(penalty: Tensor, gamma: float) -> Observed:
    return {"Loss/D/reg": penalty, "Loss/r1_penalty": penalty * (2 / gamma)}
