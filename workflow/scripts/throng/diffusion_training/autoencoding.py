"""Learning the autoencoder: patches of windows and edits, some with the grey holes that inpainting shows to it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.diffusion_training.examples import STAGE, Examples
from throng.sections.train_demo_diffusion import Autoencoder
from throng.seeds import generator
from throng.training import train

Batch = torch.Tensor


class Patches:
    """Batches of (B, 3, S, S) float32 pixels from -1 to 1, each a function of its number."""

    def __init__(self, examples: Examples, config: Autoencoder, seed: int) -> None:
        self._examples, self._config, self._seed = examples, config, seed

    def __call__(self, number: int) -> Batch:
        """Return batch ``number``: windows and patches of edits in turn."""
        rng = generator(self._seed, STAGE, f"patches-{number}")
        drawn = [self._window(rng) if slot % 2 else self._patch(rng) for slot in range(self._config.batch)]
        return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).contiguous()

    def _window(self, rng: np.random.Generator) -> np.ndarray:
        return _mirrored(pixels(self._examples.windows[rng.integers(len(self._examples.windows))]), rng)

    def _patch(self, rng: np.random.Generator) -> np.ndarray:
        examples, side = self._examples, self._examples.windows.shape[1]
        if not len(examples.images):
            return self._window(rng)
        number = int(rng.integers(len(examples.images)))
        image = (examples.images, examples.targets)[int(rng.integers(2))][number]
        top, left = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
        patch = pixels(image[top : top + side, left : left + side])
        if rng.random() < self._config.holes:
            patch[examples.holes[number, top : top + side, left : left + side] > 0] = 0
        return _mirrored(patch, rng)


def pixels(image: np.ndarray) -> np.ndarray:
    """Return uint8 values as float32 from -1 to 1."""
    return image.astype(np.float32) / 127.5 - 1


def fit(model: Any, patches: Patches, config: Autoencoder, work: Path, **loop: Any) -> list[dict[str, float]]:
    """Train the autoencoder in place and return its history."""

    def loss_of(network: Any, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        latents = network.encode(batch).latent_dist
        restored = network.decode(latents.sample()).sample
        absolute = (restored - batch).abs().mean()
        edges = sum((restored.diff(dim=dim) - batch.diff(dim=dim)).abs().mean() for dim in (2, 3))
        colour = _without_grey(restored - batch).abs().mean()
        divergence = 0.5 * (latents.mean.square() + latents.var - 1 - latents.logvar).mean()
        loss = absolute + config.gradient_weight * edges
        loss = loss + config.colour_weight * colour + config.kl_weight * divergence
        return loss, {"absolute": absolute, "colour": colour, "divergence": divergence}

    return train(model, patches, loss_of, work=work, **loop).history


@torch.no_grad()
def encoded(
    model: Any, images: np.ndarray, batch: int, *, holes: np.ndarray | None = None, seed: int | None = None
) -> np.ndarray:
    """Return the (N, C, h, w) float32 latents of (N, S, S, 3) uint8 images: their means, or draws from a seed.

    Where (N, S, S) ``holes`` is not 0 the encoder sees grey.
    """
    device = next(model.parameters()).device
    random = None if seed is None else torch.Generator().manual_seed(seed)
    found: list[np.ndarray] = []
    for start in range(0, len(images), batch):
        shown = pixels(images[start : start + batch])
        if holes is not None:
            shown[holes[start : start + batch] > 0] = 0
        latents = model.encode(torch.from_numpy(shown).permute(0, 3, 1, 2).contiguous().to(device)).latent_dist
        drawn = latents.mean if random is None else latents.mean + latents.std * _noise(latents.mean, random)
        found.append(drawn.float().cpu().numpy())
    return np.concatenate(found)


def _without_grey(images: torch.Tensor) -> torch.Tensor:
    return images - images.mean(dim=1, keepdim=True)


def _noise(like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=random).to(like.device)


def _mirrored(patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(patch[:, ::-1]) if rng.random() < 0.5 else patch
