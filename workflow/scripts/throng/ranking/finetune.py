"""Training the whole network on synthesised counts: the ablation of a frozen encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from throng.encoders.encoder import Encoder
from throng.encoders.pictures import place_on
from throng.ranking.fitted import canvas_cells, coverage
from throng.seeds import generator
from throng.training import LoopOptions, Progress, train


@dataclass(frozen=True)
class Example:
    """An image by a function that reads its (H, W, 3) uint8 RGB pixels, its people, and its weight."""

    read: Callable[[], np.ndarray]
    people: float
    weight: float = 1.0


class CountNetwork(nn.Module):
    """An encoder and non-negative weights, (C,), of its features: people of pictures on canvases."""

    def __init__(self, encoder: Encoder, w: np.ndarray) -> None:
        super().__init__()
        self.encoder = encoder
        # a weight at exactly 0 moves as soon as more of its channel would help
        self.w = nn.Parameter(torch.from_numpy(w.astype(np.float32)))

    def forward(self, pixels: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Return (B,) people in (B, 3, h, w) pixels whose cells (B, rows, columns) weigh ``shares``."""
        with torch.no_grad():
            self.w.clamp_(min=0)  # the projection of projected gradients
        pooled = (self.encoder(pixels) * shares[:, None]).sum((2, 3))
        return pooled @ self.w


def finetune(
    encoder: Encoder,
    w: np.ndarray,
    fitted: Sequence[Example],
    held_out: Sequence[Example],
    size: tuple[int, int],
    options: LoopOptions,
    work: Path,
    *,
    batch_size: int,
    device: str = "cpu",
    identity: Mapping[str, Any] | None = None,
    workers: int = 1,
) -> tuple[np.ndarray, Progress]:
    """Train ``encoder`` in place from weights ``w`` (C,) >= 0; return the weights learnt, (C,) float64, and progress.

    The loss is that of the frozen fit: squared errors of people by the images' weights, in units of the mean square of
    the counts. Pictures are mirrored at random, which moves nobody in or out. Of all validations the weights with the
    least mean absolute error on ``held_out`` synthesised images are kept. It resumes, and raises, as
    :func:`throng.training.train` does.
    """
    network = CountNetwork(encoder, w)
    scale = float(np.mean([example.people**2 for example in fitted]))
    mean_weight = float(np.mean([example.weight for example in fitted]))

    def batch_at(number: int) -> dict[str, torch.Tensor]:
        chosen = _drawn(number, len(fitted), batch_size, options.seed)
        mirrored = generator(options.seed, "fit_counts mirror", str(number)).random(len(chosen)) < 0.5
        return _batch([fitted[i] for i in chosen], mirrored, size, encoder.stride)

    def loss_of(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        people = model(batch["pixels"], batch["shares"])
        errors = people - batch["people"]
        loss = (batch["weights"] * errors**2).mean() / (scale * mean_weight)
        return loss, {"mae": errors.abs().mean()}

    def validate(model: nn.Module) -> dict[str, float]:
        errors: list[float] = []
        for start in range(0, len(held_out), batch_size):
            some = held_out[start : start + batch_size]
            batch = _batch(some, np.zeros(len(some), bool), size, encoder.stride)
            people = model(batch["pixels"].to(device), batch["shares"].to(device)).cpu()
            errors += (people - batch["people"]).abs().tolist()
        return {"mae": float(np.mean(errors))}

    progress = train(
        network,
        batch_at,
        loss_of,
        options,
        work,
        device=device,
        validate=validate,
        identity={**asdict(options), "batch_size": batch_size, "size": list(size), **(identity or {})},
        workers=workers,
        title="fine-tuning on synthesised counts",
    )
    encoder.cpu().eval()
    return network.w.detach().clamp(min=0).cpu().numpy().astype(np.float64), progress


def _drawn(number: int, images: int, batch_size: int, seed: int) -> list[int]:
    """Return the images of a batch: epochs are permutations, one after the other."""
    found: list[int] = []
    for place in range(number * batch_size, (number + 1) * batch_size):
        epoch, at = divmod(place, images)
        found.append(int(generator(seed, "fit_counts epoch", str(epoch)).permutation(images)[at]))
    return found


def _batch(
    examples: Sequence[Example], mirrored: np.ndarray, size: tuple[int, int], stride: int
) -> dict[str, torch.Tensor]:
    pixels: list[np.ndarray] = []
    shares: list[np.ndarray] = []
    for example, mirror in zip(examples, mirrored, strict=True):
        image = example.read()
        image = image[:, ::-1] if mirror else image
        pixels.append(place_on(np.ascontiguousarray(image), size))
        (rows, columns), _, _ = coverage(image.shape, size, stride)
        shares.append(np.outer(rows, columns) / canvas_cells(size, stride))
    return {
        "pixels": torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2),
        "shares": torch.from_numpy(np.stack(shares).astype(np.float32)),
        "people": torch.tensor([example.people for example in examples], dtype=torch.float32),
        "weights": torch.tensor([example.weight for example in examples], dtype=torch.float32),
    }
