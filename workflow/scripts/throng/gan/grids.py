"""Sheets of images: a row for each label, so that one looks at what the label does.

As the grids of Karras et al. (2020, ADA), whose rows are classes; here a column is one latent under every label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from throng.gan.data import TrainingSet
from throng.gan.pixels import to_pixels

SIDE = 1024
COLUMNS = (4, 12)
SCORES = 5


@dataclass(frozen=True)
class Sheet:
    """The labels of the rows, (rows,) or (rows, K), and the photographs of each row, int (rows, columns)."""

    labels: np.ndarray
    photographs: np.ndarray

    @classmethod
    def of(cls, images: TrainingSet, seed: int) -> Sheet:
        """Return the sheet of a training set: its classes, five quantiles of its scores, or rows without meaning."""
        columns = min(max(SIDE // images.resolution, COLUMNS[0]), COLUMNS[1])
        rng = np.random.default_rng([seed, columns])
        if images.kind == "class":
            labels = np.unique(images.labels)
            members = [np.flatnonzero(images.labels == label) for label in labels]
        elif images.kind == "score":
            labels = np.unique(np.quantile(images.labels, np.linspace(0, 1, SCORES), method="nearest"))
            nearest = [np.argsort(np.abs(images.labels - label), kind="stable") for label in labels]
            members = [order[: max(columns, len(images) // 20)] for order in nearest]
        else:
            chosen = rng.permutation(len(images))[:SCORES]
            labels = images.labels[chosen]
            members = [np.arange(len(images))] * len(chosen)
        rows = [rng.choice(one, columns, replace=len(one) < columns) for one in members]
        return cls(labels, np.array(rows))

    def reals(self, images: TrainingSet) -> np.ndarray:
        """Return the photographs as one image (H, W, 3) uint8."""
        return tiled(np.array([[images.pixels(int(index)) for index in row] for row in self.photographs]))

    @torch.no_grad()
    def fakes(self, generator: Any, encoding: Any, seed: int) -> np.ndarray:
        """Return what a generator draws for the rows' labels as one image (H, W, 3) uint8.

        A column is one latent; without labels every image has its own.
        """
        rows, columns = self.photographs.shape
        device = next(generator.parameters()).device
        rng = np.random.default_rng([seed, rows])
        numbers = rng.standard_normal((1 if encoding.dim else rows, columns, generator.z_dim)).astype(np.float32)
        latents = torch.from_numpy(np.broadcast_to(numbers, (rows, columns, generator.z_dim)).copy()).to(device)
        codes = encoding.encode(torch.from_numpy(self.labels)).to(device)
        drawn = [
            to_pixels(generator(z, code.expand(columns, -1))).cpu().numpy()
            for z, code in zip(latents, codes, strict=True)
        ]
        return tiled(np.array(drawn))


def tiled(images: np.ndarray) -> np.ndarray:
    """Return (rows, columns, R, R, 3) uint8 images as one (rows R, columns R, 3)."""
    rows, columns, height, width, _ = images.shape
    return np.ascontiguousarray(images.transpose(0, 2, 1, 3, 4)).reshape(rows * height, columns * width, 3)
