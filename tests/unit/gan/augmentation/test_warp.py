"""The warp and its derivatives."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from throng.gan.augmentation.warp import warp


@pytest.fixture
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    return images, torch.rand(2, 3, 4, 2, dtype=torch.float64) * 4 - 2


def test_first_and_second_derivatives_are_right(sample):
    images, grid = sample
    assert gradcheck(lambda x: warp(x, grid), images)
    assert gradgradcheck(lambda x: warp(x, grid), images)


def test_a_penalty_on_the_gradient_reaches_what_lies_before_and_behind_the_warp(sample):
    images, grid = sample
    weight = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def penalty(before: torch.Tensor, behind: torch.Tensor) -> torch.Tensor:
        score = (warp(before, grid).square() * behind[:, None, None]).sum()
        return torch.autograd.grad(score, before, create_graph=True)[0].square().sum()

    assert gradcheck(penalty, (images, weight))


def test_backward_is_the_transpose(sample):
    images, grid = sample
    gradient = torch.randn(2, 2, 3, 4, dtype=torch.float64)
    sampled = warp(images, grid)
    (spread,) = torch.autograd.grad(sampled, images, gradient)
    assert torch.allclose((sampled * gradient).sum(), (images * spread).sum())


def test_samples_as_pytorch_does_and_gives_places_no_gradient(sample):
    images, grid = sample
    grid.requires_grad_()
    sampled = warp(images, grid)
    assert torch.equal(sampled, F.grid_sample(images, grid, padding_mode="reflection", align_corners=False))
    assert torch.autograd.grad(sampled.sum(), [images, grid], allow_unused=True)[1] is None
