"""Learning to denoise latents: v-prediction (Salimans, Ho 2022), capped for what is nearly clean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from throng.diffusion_training import captions, networks
from throng.diffusion_training.examples import STAGE
from throng.sections.train_demo_diffusion import Denoiser, Inpainter
from throng.seeds import generator
from throng.training import train

Batch = dict[str, torch.Tensor]
Tokenise = Callable[[Sequence[str]], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Windows to draw: (N, C, h, w) float32 latents of unit variance, and how many people each has."""

    latents: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class Filled:
    """Edits to make: (M, C, h, w) latents of the truth and of the image with its holes, (M, 1, h, w) 0 or 1."""

    targets: np.ndarray
    masked: np.ndarray
    holes: np.ndarray


def drawing_batches(data: Drawn, config: Denoiser, tokenise: Tokenise, seed: int) -> Callable[[int], Batch]:
    """Return batches by their number: every count as often, with a caption that says it or none."""
    groups = [np.flatnonzero(data.counts == count) for count in np.unique(data.counts)]

    def batch_at(number: int) -> Batch:
        rng = generator(seed, STAGE, f"draw-{number}")
        chosen = [int(rng.choice(groups[int(rng.integers(len(groups)))])) for _ in range(config.batch)]
        said = [_or_nothing(captions.caption(int(data.counts[one]), rng), config, rng) for one in chosen]
        return {"latents": torch.from_numpy(data.latents[chosen]), "tokens": tokenise(said)}

    return batch_at


def filling_batches(data: Filled, config: Inpainter, tokenise: Tokenise, seed: int) -> Callable[[int], Batch]:
    """Return batches by their number, with a caption of an empty place or none."""

    def batch_at(number: int) -> Batch:
        rng = generator(seed, STAGE, f"fill-{number}")
        chosen = rng.integers(len(data.targets), size=config.batch)
        said = [_or_nothing(captions.empty_caption(rng), config, rng) for _ in chosen]
        holes = torch.from_numpy(data.holes[chosen])
        return {
            "latents": torch.from_numpy(data.targets[chosen]),
            "seen": torch.cat([holes, torch.from_numpy(data.masked[chosen])], dim=1),
            "weights": torch.where(holes > 0, 1.0, config.outside),
            "tokens": tokenise(said),
        }

    return batch_at


def fit(
    model: networks.Prompted, batch_at: Callable[[int], Batch], config: Denoiser, work: Path, **loop: Any
) -> list[dict[str, float]]:
    """Train the denoiser and its text encoder in place and return the history."""
    kept = networks.scheduler().alphas_cumprod

    def loss_of(network: nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        latents = batch["latents"]
        noise, steps = torch.randn_like(latents), _spread_steps(len(latents), latents.device)
        signal = kept.to(latents.device)[steps].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        velocity = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        shown = torch.cat([noisy, batch["seen"]], dim=1) if "seen" in batch else noisy
        error = (network(shown, steps, batch["tokens"]) - velocity).square()
        if "weights" in batch:
            error = error * batch["weights"] / batch["weights"].mean()
        each = error.mean(dim=(1, 2, 3))
        weights = step_weights(signal.flatten(), config.snr_limit)
        return (each * weights).mean(), {"velocity": each.mean()}

    return train(model, batch_at, loss_of, work=work, **loop).history


def step_weights(signal: torch.Tensor, limit: float) -> torch.Tensor:
    """Return the weight of the error in v at a share of signal: min(SNR + 1, limit) / (SNR + 1).

    The cap is that of Min-SNR (Hang et al. 2023, eq. 7) on SNR + 1, the weight that v-prediction gives to the error of
    the image: so the noisiest steps, which decide how many people there are, keep theirs.
    """
    return torch.clamp(limit * (1 - signal), max=1.0)


def _spread_steps(many: int, device: torch.device) -> torch.Tensor:
    """Return a batch's time steps, evenly spread from a random start: less varied than independent draws."""
    places = (torch.rand(1) + torch.arange(many) / many) % 1
    return (places * networks.TRAIN_STEPS).long().clamp(max=networks.TRAIN_STEPS - 1).to(device)


def _or_nothing(caption: str, config: Denoiser, rng: np.random.Generator) -> str:
    return "" if rng.random() < config.unconditional else caption
