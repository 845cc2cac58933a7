"""Latents of a photograph, found by descending on the distance between what they draw and what it shows.

After the projections of Abdal et al. (Image2StyleGAN, ICCV 2019) and Karras et al. (CVPR 2020, appendix D), over any
feature extractor, and for generators without a mapping network too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throng.errors import ThrongError
from throng.gan.metrics.extractor import Extractor
from throng.gan.painter import Painter
from throng.gan.pixels import to_images
from throng.gan.requests import Request
from throng.gan.tools.choices import Space

MEAN_OF = 256
RAMP_UP, RAMP_DOWN = 0.05, 0.25
NOISE, NOISE_UNTIL = 0.05, 0.75


@dataclass(frozen=True)
class Options:
    """How latents are searched: the space, Adam's steps and rate, the features' weight, and the seed of all chance."""

    space: Space = Space.Z
    steps: int = 500
    rate: float = 0.1
    feature_weight: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Projection:
    """What was found: a photograph's own latents, its label, and the distances before and after."""

    parameter: Tensor
    request: Request
    space: Space
    before: float
    after: float


class Projector:
    """Searches the latents of photographs (R, R, 3), uint8 RGB, with one generator."""

    def __init__(self, painter: Painter, options: Options, extractor: Extractor | None) -> None:
        self._painter, self._options, self._extractor = painter, options, extractor
        if options.space is not Space.Z and not hasattr(painter.generator, "mapping"):
            name = painter.generator.architecture["name"]
            raise ThrongError(f"{name} has no styles: search space z")

    def project(
        self, photograph: np.ndarray, requests: Sequence[Request], tick: Callable[[], None] = lambda: None
    ) -> Projection:
        """Return the latents of a photograph under that of the labels under which its search starts best.

        ``tick`` is called after every step. Equal arguments give equal latents on the CPU.
        """
        target = to_images(torch.from_numpy(np.ascontiguousarray(photograph))[None]).to(self._painter.device)
        wanted = None if self._extractor is None else self._features(target, self._extractor)
        starts = [self._start(request) for request in requests]
        with torch.no_grad():
            losses = [
                float(self._loss(self._latents(start, request), target, wanted))
                for start, request in zip(starts, requests, strict=True)
            ]
        best = int(np.argmin(losses))
        found, after = self._descend(starts[best], requests[best], target, wanted, tick)
        return Projection(found, requests[best], self._options.space, losses[best], after)

    def under(self, found: Projection, requests: Sequence[Request]) -> Tensor:
        """Return the latents (M, ...) of the same scene under other labels.

        In space z the label is told anew. Styles move by how far the labels' mean styles lie apart.
        """
        if found.space is Space.Z:
            return torch.cat([self._latents(found.parameter, request) for request in requests])
        own, here = self._latents(found.parameter, found.request), self._mean(found.request)
        return torch.cat([own + self._mean(request) - here for request in requests])

    def _descend(
        self, start: Tensor, request: Request, target: Tensor, wanted: Tensor | None, tick: Callable[[], None]
    ) -> tuple[Tensor, float]:
        options = self._options
        parameter = start.clone().requires_grad_(True)
        spread = self._spread(request)
        chance = torch.Generator().manual_seed(options.seed)
        adam = torch.optim.Adam([parameter], betas=(0.9, 0.999))
        best, least = start, math.inf
        for step in range(options.steps):
            progress = step / options.steps
            adam.param_groups[0]["lr"] = options.rate * _ramp(progress)
            strength = NOISE * spread * max(0.0, 1 - progress / NOISE_UNTIL) ** 2
            shaken = parameter + strength * torch.randn(parameter.shape, generator=chance).to(parameter)
            loss = self._loss(self._latents(shaken, request), target, wanted)
            adam.zero_grad()
            loss.backward()
            adam.step()
            tick()
            if strength == 0 or step == options.steps - 1:
                best, least = self._better(parameter, request, target, wanted, best, least)
        if not math.isfinite(least):
            raise ThrongError(
                "the search found nothing: what is drawn are no numbers; give it a smaller --rate, or a sound generator"
            )
        return best, least

    @torch.no_grad()
    def _better(
        self, parameter: Tensor, request: Request, target: Tensor, wanted: Tensor | None, best: Tensor, least: float
    ) -> tuple[Tensor, float]:
        loss = float(self._loss(self._latents(parameter, request), target, wanted))
        return (parameter.detach().clone(), loss) if loss < least else (best, least)

    def _loss(self, latents: Tensor, target: Tensor, wanted: Tensor | None) -> Tensor:
        image = self._painter.generator.draw(latents)
        loss = (image - target).square().mean()
        if wanted is not None and self._extractor is not None:
            features = self._features(image, self._extractor)
            loss = loss + self._options.feature_weight * (features - wanted).square().sum() / wanted.square().sum()
        return loss

    def _features(self, images: Tensor, extractor: Extractor) -> Tensor:
        return extractor.of(images * 127.5 + 127.5).float()

    def _latents(self, parameter: Tensor, request: Request) -> Tensor:
        generator: Any = self._painter.generator
        if self._options.space is Space.Z:
            return generator.latents(parameter, self._painter.codes([request]))
        return parameter.expand(-1, generator.num_ws, -1)

    def _start(self, request: Request) -> Tensor:
        generator: Any = self._painter.generator
        if self._options.space is Space.Z:
            return self._painter.noise([self._options.seed])
        mean = self._mean(request)
        return mean[:, :1] if self._options.space is Space.W else mean.expand(-1, generator.num_ws, -1).contiguous()

    def _mean(self, request: Request) -> Tensor:
        return self._many(request).mean(0, keepdim=True)

    def _spread(self, request: Request) -> float:
        if self._options.space is Space.Z:
            return 1.0
        return float(self._many(request).std(0).square().sum().sqrt()) / math.sqrt(self._painter.generator.w_dim)

    def _many(self, request: Request) -> Tensor:
        seeds = range(self._options.seed, self._options.seed + MEAN_OF)
        return self._painter.latents(seeds, [request] * MEAN_OF)


def _ramp(progress: float) -> float:
    """Return the share of the rate: up in the first steps, down by a cosine in the last."""
    down = min(1.0, (1 - progress) / RAMP_DOWN)
    return min(1.0, (progress + 1e-3) / RAMP_UP) * (0.5 - 0.5 * math.cos(down * math.pi))
