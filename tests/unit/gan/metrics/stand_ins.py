"""Generators whose metrics are known."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from throng.gan.metrics.extractor import Extractor
from throng.gan.stylegan3.fourier import FourierInput


class Linear(nn.Module):
    """Images are a linear map of the latents, which are z itself and the code beside it."""

    def __init__(self, z_dim: int = 5, resolution: int = 8, c_dim: int = 0) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.resolution = z_dim, c_dim, resolution
        self.architecture = {"name": "linear"}
        self.map = nn.Linear(z_dim + c_dim, 3 * resolution**2, bias=False)

    def latents(self, z: torch.Tensor, c: torch.Tensor | None = None, *, truncation: float = 1.0) -> torch.Tensor:
        return truncation * (z if c is None else torch.cat([z, c], 1))

    def draw(self, latents: torch.Tensor) -> torch.Tensor:
        return self.map(latents).unflatten(1, (3, self.resolution, self.resolution))


class Aliased(nn.Module):
    """As StyleGAN2: zero padding, bilinear up-sampling, noise and leaky ReLUs on the pixel grid; its input moves."""

    def __init__(self, resolution: int = 32, channels: int = 16) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.resolution = channels, 0, resolution
        self.input = FourierInput(channels, channels, size=4, rate=4, cutoff=1)
        doublings = int(math.log2(resolution // 4))
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2 * doublings + 1))
        for convolution in self.convolutions:
            nn.init.kaiming_normal_(convolution.weight, 0.2)
        self.colours = nn.Conv2d(channels, 3, 1)

    def latents(self, z: torch.Tensor, c: torch.Tensor | None = None, *, truncation: float = 1.0) -> torch.Tensor:
        return z

    def draw(self, latents: torch.Tensor, *, transform: torch.Tensor | None = None) -> torch.Tensor:
        x = self.input(latents, None if transform is None else torch.linalg.inv(transform))
        for number, convolution in enumerate(self.convolutions):
            if number % 2:
                x = functional.interpolate(x, scale_factor=2, mode="bilinear")
            x = convolution(x)
            noise = torch.randn(x.shape[-2:], generator=torch.Generator().manual_seed(number))
            x = functional.leaky_relu(x + 0.2 * x.std((1, 2, 3), keepdim=True) * noise, 0.2)
        return self.colours(x)


def with_contrast(generator: nn.Module, deviation: float = 0.4) -> nn.Module:
    """Scale what a generator draws to the standard deviation of photographs: dull images would flatter any distance."""
    draw = generator.draw
    with torch.no_grad(), torch.random.fork_rng():
        scale = deviation / float(draw(generator.latents(torch.randn(16, generator.z_dim))).std())
    generator.draw = lambda latents, **options: scale * draw(latents, **options)
    return generator


def pixels_extractor(dim: int) -> Extractor:
    """Return the extractor whose features are the pixels themselves, 0..255."""
    return Extractor("pixels", "0" * 64, dim, False, "for tests", "cpu", lambda images: images.flatten(1))
