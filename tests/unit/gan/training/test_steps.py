"""One step's gradients against formulas written out by hand, in double precision."""

import numpy as np
import pytest
import torch

from tests.unit.gan.training.sets import Line, Matrix, options_of
from throng.gan import steps
from throng.gan.options import GanOptions, Ramp
from throng.gan.pieces import Fakes, Piece
from throng.gan.pixels import to_images
from throng.gan.steps import Half, discriminator_half, generator_half, penalty_half
from throng.gan.training import Networks

SIZE, B, C = 2, 5, 3
NUMBERS = 3 * SIZE * SIZE
RNG = np.random.default_rng(0)
W, V = RNG.normal(size=NUMBERS), RNG.normal(size=C)
A = RNG.normal(size=(4, NUMBERS))


@pytest.fixture(autouse=True)
def doubles(monkeypatch):
    """Images whose gradients are not rounded to single precision."""
    monkeypatch.setattr(steps, "to_images", lambda pixels: to_images(pixels).double())


def tensor(array):
    return torch.from_numpy(np.array(array))


def piece(**keys):
    def codes(seed):
        return torch.from_numpy(np.random.default_rng(seed).normal(size=(B, C)).astype(np.float32))

    def fakes(seed):
        z = np.random.default_rng(seed).normal(size=(B, 4)).astype(np.float32)
        return Fakes(torch.from_numpy(z), codes(seed + 1), torch.zeros(B, dtype=torch.long))

    made = Piece(
        pixels=torch.from_numpy(RNG.integers(0, 256, (B, SIZE, SIZE, 3)).astype(np.uint8)),
        codes=codes(1),
        wrong_codes=codes(2),
        real_weights=torch.ones(B),
        generator=fakes(10),
        discriminator=fakes(20),
        fake_codes=fakes(20).codes,
        fake_weights=torch.ones(B),
    )
    return made._replace(**keys)


def half_of(options, share=1.0, seen=lambda images: images, gamma=3.0):
    return Half(Matrix(tensor(A), SIZE), Line(tensor(W), tensor(V)), seen, options, gamma, share)


def numbers(piece):
    real = to_images(piece.pixels).double().numpy().reshape(B, -1)
    fakes = {name: getattr(piece, name).z.double().numpy() @ A for name in ("generator", "discriminator")}
    return real, fakes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def logits(images, codes):
    return images @ W + codes.double().numpy() @ V


def close(gradient, expected):
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=0, atol=1e-8)


def test_the_generator_follows_the_non_saturating_loss():
    half, one = half_of(options_of()), piece()
    _, fakes = numbers(one)
    generator_half(half, one)
    slope = -sigmoid(-logits(fakes["generator"], one.generator.codes)) / B
    close(half.generator.matrix.grad, one.generator.z.double().numpy().T @ np.outer(slope, W))


def test_the_discriminator_follows_the_logistic_loss_and_wrong_labels():
    half, one = half_of(options_of(mismatched=0.5), share=0.25), piece()
    real, fakes = numbers(one)
    discriminator_half(half, one, None)
    on_fakes = sigmoid(logits(fakes["discriminator"], one.fake_codes)) / B
    on_reals = -sigmoid(-logits(real, one.codes)) / B
    on_wrong = 0.5 * sigmoid(logits(real, one.wrong_codes)) / B
    close(half.discriminator.weight.grad, 0.25 * (on_fakes @ fakes["discriminator"] + (on_reals + on_wrong) @ real))
    labels = [(on_fakes, one.fake_codes), (on_reals, one.codes), (on_wrong, one.wrong_codes)]
    close(half.discriminator.label.grad, 0.25 * sum(slope @ codes.double().numpy() for slope, codes in labels))


def test_a_lazy_penalty_is_of_the_image_before_what_the_judge_sees_and_counts_for_all_steps():
    half, one = half_of(options_of(penalty_every=16), seen=lambda images: 2 * images), piece()
    observed = penalty_half(half, one)
    # D(2 x) has gradient 2 w for every x: gamma / 2 * 4 |w|^2, 16 times
    close(half.discriminator.weight.grad, 16 * 3.0 * 4 * W)
    assert observed["Loss/r1_penalty"].item() == pytest.approx(4 * W @ W, rel=1e-6)
    assert observed["Loss/D/reg"].item() == pytest.approx(3 / 2 * 4 * W @ W, rel=1e-6)


def test_relativistic_pairs_take_r1_and_r2_in_the_same_step():
    options = GanOptions(1.0, B, B, pairing="relativistic", penalty_every=1, penalise_fakes=True)
    half, one = half_of(options), piece()
    real, fakes = numbers(one)
    discriminator_half(half, one, None)
    slope = sigmoid(logits(fakes["discriminator"], one.fake_codes) - logits(real, one.codes)) / B
    close(half.discriminator.weight.grad, slope @ (fakes["discriminator"] - real) + 2 * 3.0 * W)
    generator_half(half, one)
    slope = -sigmoid(logits(real, one.codes) - logits(fakes["generator"], one.generator.codes)) / B
    close(half.generator.matrix.grad, one.generator.z.double().numpy().T @ np.outer(slope, W))


def test_a_soft_vicinity_weighs_photographs_and_fakes():
    weights = torch.tensor([0.5, 1.5, 1.0, 2.0, 0.0])
    half, one = half_of(options_of()), piece(real_weights=weights)
    real, fakes = numbers(one)
    discriminator_half(half, one, None)
    on_fakes = sigmoid(logits(fakes["discriminator"], one.fake_codes)) / B
    on_reals = -sigmoid(-logits(real, one.codes)) * weights.numpy() / B
    close(half.discriminator.weight.grad, on_fakes @ fakes["discriminator"] + on_reals @ real)


def test_a_discriminator_that_takes_the_generators_images_judges_them_under_their_own_codes():
    half, one = half_of(options_of(fresh_fakes=False)), piece()
    _, images = generator_half(half, one)
    assert not images.requires_grad
    observed, _ = discriminator_half(half, one, images)
    found = observed["Loss/scores/fake"].detach().numpy()[:, 0]
    _, fakes = numbers(one)
    np.testing.assert_allclose(found, logits(fakes["generator"], one.generator.codes), atol=1e-12)


def test_adam_of_a_lazily_penalised_discriminator_goes_sixteen_seventeenths_of_a_step():
    networks = Networks.of(Matrix(tensor(A), SIZE), Line(tensor(W), tensor(V)), torch.device("cpu"))
    networks.set_rates(options_of(penalty_every=16, discriminator_rate=Ramp(0.002), beta2=Ramp(0.99)), 5.0)
    (group,) = networks.moving_discriminator.param_groups
    assert group["lr"] == pytest.approx(0.002 * 16 / 17)
    assert group["betas"] == pytest.approx((0.0, 0.99 ** (16 / 17)))
    (group,) = networks.moving_generator.param_groups
    assert (group["lr"], *group["betas"]) == pytest.approx((0.0025, 0.0, 0.99))
    networks.set_rates(options_of(penalty_every=1, generator_rate=Ramp(2e-4, 5e-5, 10)), 5.0)
    assert networks.moving_generator.param_groups[0]["lr"] == pytest.approx((2e-4 + 5e-5) / 2)
    assert networks.moving_discriminator.param_groups[0]["betas"] == pytest.approx((0.0, 0.99))
