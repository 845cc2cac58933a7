"""The layers of a frozen encoder against kinds of things: which of them does each layer tell, linearly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from throng.encoders.encoder import Encoder
from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, quantiles, run_interval, share_interval
from throng.probing.heads import HeadOptions, train_heads
from throng.probing.layers import layer_features
from throng.probing.shapes import KINDS, shape_set
from throng.probing.subjects import layer_names
from throng.seeds import generator

RESAMPLES = 2000


@dataclass(frozen=True)
class ClassPictures:
    """Pictures (N, crop, crop, 3) uint8 and kinds (N,) int64 that heads learn from and are measured on."""

    train: np.ndarray
    train_kinds: np.ndarray
    validation: np.ndarray
    validation_kinds: np.ndarray


@dataclass(frozen=True)
class LayerScore:
    """One layer: how many features it has after pooling, and which validation pictures (N,) bool it tells rightly."""

    layer: str
    features: int
    hits: np.ndarray

    def figures(self) -> dict[str, Any]:
        """Return the layer's row: top-1 accuracy, %, with its interval over pictures."""
        share = float(self.hits.mean())
        return {
            "layer": self.layer,
            "features": self.features,
            "top1": 100 * share,
            "top1_95": [100 * end for end in share_interval(share, len(self.hits))],
        }


def class_pictures(seed: int, *, pictures: int, validation: int, side: int, crop: int, views: int) -> ClassPictures:
    """Return the drawn set: random crops of training pictures, half of them mirrored, and centre crops to validate on.

    Each of ``pictures`` gives ``views`` crops. Raises ThrongError when a crop does not fit, or a kind has no picture.
    """
    if crop > side:
        raise ThrongError(f"probe.classes: a crop of {crop} pixels does not fit into pictures of {side} pixels")
    drawn, kinds = shape_set(seed, "train", pictures, side)
    held_out, true = shape_set(seed, "val", validation, side)
    middle = (side - crop) // 2
    return ClassPictures(
        np.stack([one for n, picture in enumerate(drawn) for one in _crops(picture, crop, views, seed, n)]),
        np.repeat(kinds, views),
        held_out[:, middle : middle + crop, middle : middle + crop],
        true,
    )


def _crops(picture: np.ndarray, crop: int, views: int, seed: int, number: int) -> Iterator[np.ndarray]:
    rng = generator(seed, "probe-crops", str(number))
    for _ in range(views):
        top, left = rng.integers(0, len(picture) - crop + 1, 2)
        part = picture[top : top + crop, left : left + crop]
        yield part[:, ::-1] if rng.random() < 0.5 else part


def probe_layers(
    encoder: Encoder, pictures: ClassPictures, options: HeadOptions, *, seed: int, device: str
) -> list[LayerScore]:
    """Return how well each layer tells the kinds of the validation pictures, by heads trained on the others.

    The encoder must be on the device already. Raises ThrongError when all training pictures are of one kind.
    """
    train = layer_features(encoder, pictures.train, device)
    heads = train_heads(train, torch.from_numpy(pictures.train_kinds), options, seed)
    validation = layer_features(encoder, pictures.validation, device)
    truth = torch.from_numpy(pictures.validation_kinds)
    return [
        LayerScore(name, features.shape[1], (head.kinds(features) == truth).numpy())
        for name, head, features in zip(layer_names(encoder), heads, validation, strict=True)
    ]


def margin(trained: list[np.ndarray], random: list[np.ndarray]) -> dict[str, Any]:
    """Return by how many points the runs' hits (N,) beat those of their random inits, with intervals.

    ``points_95`` is the paired bootstrap over pictures of the mean over runs, ``points_runs_95`` Student's interval
    over runs (None for one run).
    """
    each = 100.0 * (np.stack(trained).astype(np.float64) - np.stack(random))
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, each.shape[1], (RESAMPLES, each.shape[1]))
    return {
        "points": float(each.mean()),
        "points_95": quantiles(each.mean(0)[drawn].mean(1), LEVEL),
        "points_runs_95": run_interval(each.mean(1)),
    }


def chance() -> float:
    """Return the accuracy of guessing, %."""
    return 100 / len(KINDS)
