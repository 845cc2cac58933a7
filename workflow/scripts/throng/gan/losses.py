"""Losses of the two networks, their gradient penalties, and what lazy penalties do to Adam.

Non-saturating logistic loss: Goodfellow et al. (2014), section 3. R1 and R2: Mescheder et al. (2018), eq. 9 and
section 4. Lazy penalties: Karras et al. (2020, StyleGAN2), section 3.1 and appendix B. Relativistic pairing with R1 and
R2: Jolicoeur-Martineau (2018); Huang et al. (2024, R3GAN, arXiv 2501.05441), eq. 2 and section 2.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

INFINITE = 1e5


def generator_loss(fake_logits: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the non-saturating loss of the generator, mean softplus(-D(fake)), a scalar.

    ``fake_logits`` are (B, 1) or (B,); ``weights`` (B,) weigh its images, as a soft vicinity does.
    """
    return _mean(F.softplus(-fake_logits), weights)


def discriminator_loss(
    real_logits: Tensor,
    fake_logits: Tensor,
    real_weights: Tensor | None = None,
    fake_weights: Tensor | None = None,
) -> Tensor:
    """Return the logistic loss of the discriminator, mean softplus(D(fake)) + mean softplus(-D(real)), a scalar.

    Logits are (B, 1) or (B,), the weights (B,); the two batches need not be equally large.
    """
    return _mean(F.softplus(fake_logits), fake_weights) + _mean(F.softplus(-real_logits), real_weights)


def relativistic_generator_loss(real_logits: Tensor, fake_logits: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the relativistic pairing loss of the generator, mean softplus(-(D(fake) - D(real))), a scalar.

    The i-th image of each batch forms the i-th pair, under one label; ``weights`` (B,) weigh the pairs.
    """
    return _mean(F.softplus(real_logits - fake_logits), weights)


def relativistic_discriminator_loss(real_logits: Tensor, fake_logits: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the relativistic pairing loss of the discriminator, mean softplus(-(D(real) - D(fake))), a scalar."""
    return _mean(F.softplus(fake_logits - real_logits), weights)


def gradient_penalty(logits: Tensor, images: Tensor, gamma: float, weights: Tensor | None = None) -> Tensor:
    """Return gamma / 2 * mean over images of the squared norm of the logit's gradient, a scalar to differentiate again.

    ``images`` (B, 3, R, R) require a gradient and ``logits`` (B, 1) come from them, through blur and augmentation where
    there are any: the penalty is for the image as it was before them. R1 on photographs, R2 on generated images (which
    are detached leaves then).
    """
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gamma / 2 * _mean(gradients.square().sum(dim=(1, 2, 3)), weights)


def lazy_adam(learning_rate: float, betas: tuple[float, float], every: int) -> tuple[float, tuple[float, float]]:
    """Return the learning rate and betas of an Adam whose penalty comes as an extra step after every ``every`` steps.

    All are those of ``every`` / (``every`` + 1) of a step, so that every + 1 updates go as far as ``every`` did. The
    penalty itself is multiplied by ``every``.
    """
    share = every / (every + 1)
    return learning_rate * share, (betas[0] ** share, betas[1] ** share)


def clean_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace what is not finite in the gradients, in place: NaN by 0, +inf by 1e5, -inf by -1e5."""
    for parameter in parameters:
        if parameter.grad is not None:
            torch.nan_to_num(parameter.grad, nan=0.0, posinf=INFINITE, neginf=-INFINITE, out=parameter.grad)


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    values = values.flatten()
    return values.mean() if weights is None else (values * weights).mean()
