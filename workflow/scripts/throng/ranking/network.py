"""A ranker: an encoder, its features summed over the picture, and the rank head; and its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from throng.encoders.encoder import Encoder
from throng.encoders.files import read_network, save_network
from throng.encoders.pictures import place_on
from throng.encoders.pooling import sum_features
from throng.errors import ThrongError
from throng.ranking.head import RankHead, check_head, scored

KIND = "ranker"
Size = tuple[int, int]


class RankNetwork(nn.Module):
    """What is trained: scores (B,) of (B, 3, H, W) pixels 0..255.

    Features are summed over cells, in units of the cells of a picture of ``size`` (h, w): at that size they are SYRAC's
    means, and at any other a picture twice as large that shows the same scores twice as much, so that parts add up.
    """

    def __init__(self, encoder: Encoder, head: RankHead, size: Size) -> None:
        super().__init__()
        self.encoder, self.head, self.size = encoder, head, size
        self.reference_cells = cells_of(encoder, size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return scores (B,) float32."""
        return self.head(sum_features(self.encoder(pixels), self.reference_cells))


class Ranker:
    """A trained ranker in evaluation mode; ``size`` (h, w) is that of the pictures it learnt from.

    ``people_per_score`` is how many people a unit of its score is worth by the removals it learnt from, None where
    nobody counted them; ``recipe`` says how it was trained.
    """

    def __init__(
        self, encoder: Encoder, head: Mapping[str, torch.Tensor], size: Size, recipe: Mapping[str, Any]
    ) -> None:
        self.encoder = encoder.eval()
        self.head = dict(head)
        self.size = size
        self.recipe = dict(recipe)
        self.reference_cells = cells_of(encoder, size)
        self.people_per_score: float | None = self.recipe.get("people_per_score")

    @torch.no_grad()
    def scores(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return scores (B,) float32 >= 0 without hidden layers, of (B, 3, H, W) RGB pixels 0..255."""
        return scored(sum_features(self.encoder(pixels), self.reference_cells), self.head)

    def score(self, image: np.ndarray) -> float:
        """Return the score of an image (H, W, 3) uint8 RGB of any size, seen at the size of the training pictures."""
        picture = torch.from_numpy(place_on(image, self.size)).permute(2, 0, 1)[None]
        return float(self.scores(picture))

    def to(self, device: str) -> Ranker:
        """Move the network to a torch device."""
        self.encoder.to(device)
        self.head = {name: tensor.to(device) for name, tensor in self.head.items()}
        return self


def cells_of(encoder: Encoder, size: Size) -> float:
    """Return how many cells of features a picture of ``size`` (h, w) pixels has."""
    return float(-(-size[0] // encoder.stride) * -(-size[1] // encoder.stride))


def save_ranker(path: Path, network: RankNetwork, recipe: Mapping[str, Any]) -> None:
    """Write a ranker to one file; equal content gives equal bytes."""
    card = {"size": list(network.size), "reference_cells": network.reference_cells}
    save_network(path, network.encoder, kind=KIND, head=network.head.tensors(), head_card=card, recipe=recipe)


def load_ranker(path: Path) -> Ranker:
    """Read the file of a ranker; raises ThrongError naming the file when it is none, or its head does not fit."""
    stored = read_network(path, [KIND])
    try:
        check_head(stored.head, stored.encoder.features)
    except ThrongError as error:
        raise ThrongError(f"{path}: {error}; train it again") from error
    height, width = stored.head_card["size"]
    return Ranker(stored.encoder, stored.head, (height, width), stored.recipe)


@torch.no_grad()
def score_pictures(
    network: RankNetwork, pictures: Sequence[np.ndarray], indices: Sequence[int], batch: int
) -> np.ndarray:
    """Return the scores (N,) float64 of the pictures with these numbers, ``batch`` at a time, in evaluation mode."""
    training, device = network.training, next(network.parameters()).device
    network.eval()
    found: list[np.ndarray] = []
    for start in range(0, len(indices), batch):
        seen = np.stack([pictures[index] for index in indices[start : start + batch]])
        found.append(network(torch.from_numpy(seen).permute(0, 3, 1, 2).to(device)).double().cpu().numpy())
    network.train(training)
    return np.concatenate(found) if found else np.zeros(0)
