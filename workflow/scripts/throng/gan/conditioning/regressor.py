"""Judge ``trained``: a small network that learns to count in the generator's own training images, and meets no other.

Source: own; the encoder is :func:`throng.encoders.small.small`. Its error on real images that it has not seen is the
ceiling of what can be said about generated ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from throng.encoders.encoder import Encoder
from throng.encoders.pooling import mean_features
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.schedules import Polynomial

FEWEST = 16
BATCH = 256


@dataclass(frozen=True)
class Lesson:
    """How a regressor learns: Adam, its rate falling to nothing, mirrored halves of batches, smooth L1 of z-scores."""

    steps: int = 600
    batch_size: int = 64
    width: int = 16
    learning_rate: float = 2e-3


class Regressor:
    """A judge that has learnt from real images alone."""

    def __init__(self, network: nn.Module, centre: float, spread: float, *, name: str, images: int, unit: str) -> None:
        self.name, self.unit = name, unit
        self.says = f"a small network that has learnt from {images} real images, and from no generated one"
        self.model: Mapping[str, Any] = {"learnt_from": images}
        self._network, self._centre, self._spread = network.eval(), centre, spread

    @torch.inference_mode()
    def count(self, pixels: np.ndarray) -> np.ndarray:
        """Return (B,) float64 people, none below 0, or labels, for (B, R, R, 3) uint8 RGB."""
        device = next(self._network.parameters()).device
        parts = [self._network(_channels_first(pixels[start : start + BATCH], device)) for start in _starts(pixels)]
        values = torch.cat(parts).double().cpu().numpy() * self._spread + self._centre
        return np.maximum(values, 0.0) if self.unit == "people" else values


class _Network(nn.Module):
    """An encoder, the mean of its features over the picture, and one number from them."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.features, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return (B,) z-scores of (B, 3, H, W) uint8."""
        return self.head(mean_features(self.encoder(pixels)))[:, 0]


def train_regressor(
    pixels: np.ndarray,
    targets: np.ndarray,
    lesson: Lesson,
    *,
    seed: int,
    device: str,
    name: str,
    unit: str,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> Regressor:
    """Return a judge fitted to (N, R, R, 3) uint8 RGB images and their (N,) float targets.

    Equal arguments give equal judges on one machine; PyTorch's own random numbers are left as they are. Raises
    ThrongError for fewer than 16 images and for targets that are all the same.
    """
    targets = np.asarray(targets, np.float64)
    if len(targets) < FEWEST:
        raise ThrongError(f"a judge cannot learn from {len(targets)} real images: at least {FEWEST} are needed")
    centre, spread = float(targets.mean()), float(targets.std())
    if spread == 0:
        raise ThrongError(
            f"a judge cannot learn from real images that all show {centre:g}: their densities must differ"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(build_encoder("small", width=lesson.width)).to(device)
        _learn(network, pixels, (targets - centre) / spread, lesson, seed, progress)
    return Regressor(network, centre, spread, name=name, images=len(targets), unit=unit)


def _learn(
    network: nn.Module,
    pixels: np.ndarray,
    targets: np.ndarray,
    lesson: Lesson,
    seed: int,
    progress: Callable[[int, float], None],
) -> None:
    device = next(network.parameters()).device
    draws = np.random.Generator(np.random.PCG64(seed))
    optimizer = torch.optim.Adam(network.parameters(), lr=lesson.learning_rate)
    schedule = Polynomial(1.0, 0.0)
    waiting = np.empty(0, int)
    for step in range(lesson.steps):
        while len(waiting) < lesson.batch_size:
            waiting = np.concatenate([waiting, draws.permutation(len(targets))])
        chosen, waiting = waiting[: lesson.batch_size], waiting[lesson.batch_size :]
        shown = pixels[chosen]
        mirrored = draws.random(len(chosen)) < 0.5
        shown[mirrored] = shown[mirrored, :, ::-1]
        said = network(_channels_first(shown, device))
        true = torch.from_numpy(targets[chosen]).to(said)
        loss = functional.smooth_l1_loss(said, true)
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(lesson.learning_rate, step, lesson.steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress(step + 1, loss.item())


def _channels_first(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    # contiguous: a small network is a fifth faster so on a CPU
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).contiguous()


def _starts(pixels: np.ndarray) -> range:
    return range(0, max(len(pixels), 1), BATCH)
