"""Features of a frozen network against numbers of people: how much of the counts' variance is linear in them.

Labels are read for this figure alone: what learns them is one ridge regression per network, thrown away afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.counting.learning_to_count.networks import Connected, CountingNetwork
from throng.encoders.pictures import Pictures, Place, place_on
from throng.encoders.pooling import mean_features
from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, quantiles
from throng.images import ImageStore
from throng.manifest import OK, read_table
from throng.probing.layers import BATCH, pixel_batch
from throng.probing.ridge import fit_ridge, r_squared
from throng.probing.subjects import Subject
from throng.roots import RESULTS
from throng.seeds import sample_seed
from throng.tables.images import TABLE as IMAGES
from throng.tables.synthetic import TABLE as SYNTHETIC

FEATURES, VECTOR = "features", "counting vector"
RESAMPLES = 2000
Fold = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class CountedPictures:
    """Pictures of known numbers of people (N,), their scenes, and folds of (indices to fit, indices to measure)."""

    name: str
    places: list[Place]
    counts: np.ndarray
    scenes: np.ndarray
    folds: list[Fold]

    @property
    def measured(self) -> np.ndarray:
        """Return the indices of all pictures that are measured."""
        return np.concatenate([measured for _, measured in self.folds])

    def figures(self) -> dict[str, Any]:
        """Return how many pictures are measured, in how many folds, and the error of saying their mean count."""
        errors = [np.abs(self.counts[measured] - self.counts[fit].mean()) for fit, measured in self.folds]
        return {
            "pictures": self.name,
            "measured": len(self.measured),
            "folds": len(self.folds),
            "mean_count": float(self.counts[self.measured].mean()),
            "mae_of_mean_count": float(np.concatenate(errors).mean()),
        }


def photographs(table: Path, *, most: int, fewest: int) -> CountedPictures | str:
    """Return the labelled photographs of the training split, to fit, and of val, to measure; else why there are none.

    Of each split the first ``most`` by id are taken; fewer than ``fewest`` are too few. The test split is not read.
    """
    rows = _rows([table], IMAGES, ["id", "source", "path", "split", "scene", "count", "status"])
    chosen = {split: [row for row in rows if row["split"] == split][:most] for split in ("train", "val")}
    fit, measured = chosen["train"], chosen["val"]
    if min(len(fit), len(measured)) < fewest:
        return (
            f"{len(fit)} labelled photographs to fit and {len(measured)} to measure, at least {fewest} each are needed"
        )
    together = [*fit, *measured]
    return CountedPictures(
        "photographs",
        [Place(row["source"], row["path"]) for row in together],
        np.array([row["count"] for row in together], np.float64),
        np.array([row["scene"] for row in together]),
        [(np.arange(len(fit)), np.arange(len(fit), len(together)))],
    )


def synthesised(tables: Sequence[Path], *, most: int, fewest: int, folds: int, seed: int) -> CountedPictures | str:
    """Return the synthesised images of known count, in folds that share no scene; else why there are none.

    Every image is measured by a regression that has seen no image of its scene. Those of the test split stay out.
    """
    known = _rows(tables, SYNTHETIC, ["id", "path", "split", "scene", "count", "status"])
    rows = [row for row in known if row["split"] != "test"][:most]
    scenes = sorted({row["scene"] for row in rows}, key=lambda scene: sample_seed(seed, "probe-folds", scene))
    folds = min(folds, len(scenes))
    if len(rows) < 2 * fewest or folds < 2:
        return (
            f"{len(rows)} synthesised images of known count in {len(scenes)} scenes, at least {2 * fewest} in 2 scenes "
            f"are needed"
        )
    number = {scene: place % folds for place, scene in enumerate(scenes)}
    fold = np.array([number[row["scene"]] for row in rows])
    return CountedPictures(
        "synthesised images",
        [Place(RESULTS, row["path"]) for row in rows],
        np.array([row["count"] for row in rows], np.float64),
        np.array([row["scene"] for row in rows]),
        [(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in range(folds)],
    )


def _rows(tables: Sequence[Path], table: Any, columns: list[str]) -> list[Mapping[str, Any]]:
    """Return the accepted rows whose count is known, by id."""
    rows: list[Mapping[str, Any]] = read_table(list(tables), table, columns).to_pylist() if tables else []
    return sorted((row for row in rows if row["status"] == OK and row["count"] is not None), key=lambda row: row["id"])


@torch.no_grad()
def pooled_features(subject: Subject, pictures: Sequence[np.ndarray], device: str) -> dict[str, np.ndarray]:
    """Return the features' means over the picture (N, C), and the counting vector (N, k) where there is one.

    A network that counts in tiles of one size is shown every picture at that size. It must be on the device already.
    """
    found: dict[str, list[np.ndarray]] = {FEATURES: []} | ({VECTOR: []} if subject.counting else {})
    for start in range(0, len(pictures), BATCH):
        batch = [pictures[index] for index in range(start, min(start + BATCH, len(pictures)))]
        features = subject.encoder(pixel_batch(batch, device))
        found[FEATURES].append(mean_features(features).cpu().numpy())
        if subject.counting:
            found[VECTOR].append(_vector(subject.counting, features, batch, device).cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _vector(network: CountingNetwork, features: torch.Tensor, batch: list[np.ndarray], device: str) -> torch.Tensor:
    if isinstance(network.head, Connected):
        return network(pixel_batch([place_on(picture, network.head.size) for picture in batch], device))
    return network.head(features)


def probe_people(features: np.ndarray, pictures: CountedPictures) -> dict[str, Any]:
    """Return R^2 and MAE (people) of ridge regressions from features (N, F) on the pictures they have not seen.

    Intervals are bootstraps over pictures. Raises ThrongError when all measured pictures show as many people.
    """
    fits = [fit_ridge(features[fit], pictures.counts[fit], pictures.scenes[fit]) for fit, _ in pictures.folds]
    shown = [features[measured] for _, measured in pictures.folds]
    predicted = np.concatenate([fitted.predict(one) for fitted, one in zip(fits, shown, strict=True)])
    true = pictures.counts[pictures.measured]
    if np.ptp(true) == 0:
        raise ThrongError(
            f"all {len(true)} {pictures.name} that the count probe measures show {true[0]:.0f} people: "
            f"their variance, which R2 is a share of, is 0"
        )
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(true), len(true)) for _ in range(RESAMPLES)]
    scores = np.array([r_squared(predicted[one], true[one]) for one in drawn if np.ptp(true[one]) > 0])
    errors = np.abs(predicted - true)
    return {
        "r2": r_squared(predicted, true),
        "r2_95": quantiles(scores, LEVEL),
        "mae": float(errors.mean()),
        "mae_95": quantiles(np.array([errors[one].mean() for one in drawn]), LEVEL),
    }


def seen_at(pictures: CountedPictures, store: ImageStore, size: tuple[int, int]) -> list[np.ndarray]:
    """Return the pictures (h, w, 3) uint8 at one size, read once for all networks."""
    return list(Pictures(pictures.places, store, size, 0.0))
