"""Counts whose truth is planted, and instruments that err as detectors and counters do."""

import dataclasses

import numpy as np

from throng.calibration.buckets import Bucket
from throng.calibration.gathering import Gathered, Known, Shown
from throng.calibration.noise import Images, Instruments, NoiseModel, Settings
from throng.calibration.response import correlation, fit

REQUESTS = (0, 1, 2, 5, 10, 20, 50, 100)


def detected(counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A detector that misses a quarter of the people, more in some images than in others, and sees some twice."""
    recall = np.clip(0.75 * random.lognormal(0, 0.05, counts.shape), 0, 1)
    return random.binomial(counts, recall) + random.poisson(0.2 + 0.05 * counts)


def predicted(counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A counter that is a quarter off, and two people more."""
    return np.maximum(counts * random.lognormal(0, 0.25, counts.shape) + random.normal(0, 2, counts.shape), 0)


@dataclasses.dataclass
class Planted:
    """Images of every request, their true counts, and a model of them."""

    truth: dict[Bucket, np.ndarray]
    model: NoiseModel

    def all(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Requested, true and calibrated counts, and standard deviations, of all images."""
        posteriors = {bucket: self.model.posterior(bucket) for bucket in self.truth}
        requested = np.concatenate([np.full(len(true), bucket.fewest) for bucket, true in self.truth.items()])
        return (
            requested,
            np.concatenate(list(self.truth.values())),
            np.concatenate([posteriors[bucket].counts for bucket in self.truth]),
            np.concatenate([posteriors[bucket].stds for bucket in self.truth]),
        )


def plant(
    seed: int,
    noise: float,
    *,
    bias: float = 0.0,
    each: int = 40,
    references: int = 64,
    instruments: tuple[str, ...] = ("detected",),
    score_noise: float | None = None,
) -> Planted:
    random = np.random.default_rng(seed)
    takes = {"detected": detected, "predicted": predicted}
    known = random.integers(0, 120, references)
    seen = {name: takes[name](known, random) for name in instruments}
    responses = {name: fit(known, column) for name, column in seen.items()}
    alike = correlation(list(responses.values()), known, list(seen.values())) if len(responses) == 2 else 0.0
    truth, images = {}, {}
    for number in REQUESTS:
        bucket = Bucket("maker", number, number, str(number))
        true = np.rint(number * np.exp(bias + noise * random.standard_normal(each))).astype(int)
        scores = np.full(each, np.nan)
        if score_noise is not None:
            scores = np.log1p(true) + score_noise * random.standard_normal(each)
        truth[bucket] = true
        counted = {name: takes[name](true, random).astype(float) for name in instruments}
        images[bucket] = Images(np.full(each, np.nan), counted, scores)
    return Planted(truth, NoiseModel(images, Instruments(responses, alike), Settings(0.0, 0.5)))


def error(counts: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean(np.abs(counts - true) / (1 + true)))


def shown(name: str, label: str = "5", **said) -> Shown:
    """An image of the maker ``m`` that was made and looked at."""
    fewest = int(label) if label.isdigit() else said.pop("fewest")
    values = {
        "id": name,
        "bucket": Bucket("m", fewest, said.pop("most", fewest), label),
        "exact": None,
        "detected": 5,
        "predicted": None,
        "score": None,
        "path": "",
        "text": "",
        "redistributable": True,
        "made": True,
        "looked": True,
        "reason": "",
    }
    return Shown(**values | said)


def gathered(images: list[Shown], vectors=None, fingerprints=None, known: list[Known] = (), known_vectors=None):
    vectors = np.ones((len(images), 1), np.float32) if vectors is None else np.asarray(vectors, np.float32)
    prints = np.arange(len(images), dtype=np.uint64) if fingerprints is None else np.asarray(fingerprints, np.uint64)
    others = np.zeros((len(known), vectors.shape[1]), np.float32) if known_vectors is None else known_vectors
    return Gathered(images, vectors, prints, list(known), others)
