"""Losses and gradient penalties against gradients written by hand in double precision."""

import math

import pytest
import torch

from throng.gan.losses import (
    clean_gradients,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    lazy_adam,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)

GAMMA = 3.0


class _Quadratic:
    """D(x) = w . (A x) + (v . A x)^2 / 2 of the augmented image A x: all of its gradients are a line on paper."""

    def __init__(self, size: int, seed: int) -> None:
        random = torch.Generator().manual_seed(seed)
        self.w = torch.randn(size, generator=random, dtype=torch.float64).requires_grad_()
        self.v = torch.randn(size, generator=random, dtype=torch.float64).requires_grad_()
        self.augment = torch.randn(size, size, generator=random, dtype=torch.float64) / math.sqrt(size)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        x = images.flatten(1) @ self.augment.T
        return (x @ self.w + (x @ self.v).square() / 2)[:, None]

    def gradients(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """dD/dw and dD/dv, one row per image."""
        x = images.detach().flatten(1) @ self.augment.T
        return x, (x @ self.v.detach())[:, None] * x

    def penalty_gradients(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of gamma / 2 mean ||A^T (w + (v . Ax) v)||^2 with respect to w and v."""
        x = images.detach().flatten(1) @ self.augment.T
        w, v = self.w.detach(), self.v.detach()
        metric = self.augment @ self.augment.T
        along = x @ v
        slope = (w + along[:, None] * v) @ metric
        return GAMMA * slope.mean(0), GAMMA * ((slope @ v)[:, None] * x + along[:, None] * slope).mean(0)


@pytest.fixture
def batch() -> tuple[_Quadratic, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    real = torch.randn(5, 3, 2, 2, generator=random, dtype=torch.float64).requires_grad_()
    fake = torch.randn(5, 3, 2, 2, generator=random, dtype=torch.float64).requires_grad_()
    return _Quadratic(12, 2), real, fake


def test_step_with_r1_through_an_augmentation_equals_the_hand_written_gradients(batch):
    score, real, fake = batch
    real_logits, fake_logits = score(real), score(fake)
    loss = discriminator_loss(real_logits, fake_logits) + 16 * gradient_penalty(real_logits, real, GAMMA)
    got = torch.autograd.grad(loss, [score.w, score.v])
    real_rate = -torch.sigmoid(-real_logits.detach())
    fake_rate = torch.sigmoid(fake_logits.detach())
    for index in range(2):
        main = (real_rate * score.gradients(real)[index]).mean(0) + (fake_rate * score.gradients(fake)[index]).mean(0)
        expected = main + 16 * score.penalty_gradients(real)[index]
        assert (got[index] - expected).abs().max() < 1e-8


def test_relativistic_step_with_r1_and_r2_equals_the_hand_written_gradients(batch):
    score, real, fake = batch
    real_logits, fake_logits = score(real), score(fake)
    loss = relativistic_discriminator_loss(real_logits, fake_logits)
    loss = loss + gradient_penalty(real_logits, real, GAMMA) + gradient_penalty(fake_logits, fake, GAMMA)
    got = torch.autograd.grad(loss, [score.w, score.v])
    rate = torch.sigmoid(fake_logits - real_logits).detach()
    for index in range(2):
        main = (rate * (score.gradients(fake)[index] - score.gradients(real)[index])).mean(0)
        expected = main + score.penalty_gradients(real)[index] + score.penalty_gradients(fake)[index]
        assert (got[index] - expected).abs().max() < 1e-8


def test_generator_losses_push_by_the_sigmoid_of_the_logit():
    real = torch.tensor([[0.5], [-1.0]], dtype=torch.float64)
    fake = torch.tensor([[2.0], [-0.3]], dtype=torch.float64).requires_grad_()
    (alone,) = torch.autograd.grad(generator_loss(fake), fake)
    (paired,) = torch.autograd.grad(relativistic_generator_loss(real, fake), fake)
    for row in range(2):
        value = fake.detach()[row].item()
        assert alone[row].item() == pytest.approx(-1 / (1 + math.exp(value)) / 2, abs=1e-12)
        assert paired[row].item() == pytest.approx(-1 / (1 + math.exp(value - real[row].item())) / 2, abs=1e-12)


def test_weights_of_one_change_nothing_and_a_weight_of_zero_silences_its_image(batch):
    score, real, fake = batch
    ones, first_only = torch.ones(5, dtype=torch.float64), torch.tensor([5.0, 0, 0, 0, 0], dtype=torch.float64)
    assert torch.equal(
        discriminator_loss(score(real), score(fake), ones, ones), discriminator_loss(score(real), score(fake))
    )
    assert torch.allclose(generator_loss(score(fake), first_only), generator_loss(score(fake[:1])))
    weighted = gradient_penalty(score(real), real, GAMMA, first_only)
    first = real[:1].detach().requires_grad_()
    assert torch.allclose(weighted, gradient_penalty(score(first), first, GAMMA))


def test_lazy_adam_takes_seventeen_steps_for_sixteen():
    rate, betas = lazy_adam(0.002, (0.0, 0.99), 16)
    assert rate == pytest.approx(0.002 * 16 / 17)
    assert betas == (0.0, pytest.approx(0.99 ** (16 / 17)))
    assert betas[1] ** 17 == pytest.approx(0.99**16)


def test_gradients_are_made_finite_in_place():
    kept, none = torch.nn.Parameter(torch.zeros(4)), torch.nn.Parameter(torch.zeros(1))
    kept.grad = torch.tensor([math.nan, math.inf, -math.inf, 2.5])
    clean_gradients([kept, none])
    assert kept.grad.tolist() == [0.0, 1e5, -1e5, 2.5]
    assert none.grad is None
