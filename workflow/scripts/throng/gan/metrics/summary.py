"""Everything that can be said about a generator's images beside its training images, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL
from throng.gan.metrics.distances import (
    along_label,
    around,
    by_class,
    frechet_infinity,
    frechet_of,
    frechet_resamples,
    kernel_distance,
    precision_recall,
)
from throng.gan.metrics.drawing import drawn, labels_like
from throng.gan.metrics.equivariance import equivariance
from throng.gan.metrics.extractor import Extractor
from throng.gan.metrics.memorisation import FEWEST, QUANTILE, memorisation, thumbnails
from throng.gan.metrics.path_length import path_length
from throng.gan.metrics.resampling import REACH
from throng.workdir import Ticker

PUBLISHED_IMAGES = 50_000
# Extrapolation needs so many images per feature.
PER_FEATURE = 4


@dataclass(frozen=True)
class Options:
    """How much is measured: ``images`` drawn for distances, pairs for path lengths, images for equivariance (0: none).

    ``resamples`` are bootstrap draws (0: no intervals); ``neighbours`` is k of precision and recall; ``windows`` are
    the centres of sliding distances; ``quantile`` is the yardstick's in the search for remembered images.
    """

    images: int = 1000
    path_pairs: int = 0
    equivariance_images: int = 0
    truncation: float = 1.0
    resamples: int = 100
    level: float = LEVEL
    neighbours: int = 3
    subsets: int = 100
    subset_size: int = 1000
    windows: int = 10
    quantile: float = QUANTILE
    shown: int = 16
    seed: int = 0
    batch_size: int = 32
    device: str = "cpu"


@dataclass(frozen=True)
class Looked:
    """What is kept of a set of images: features (N, dim) per extractor, in order, and thumbnails (N, D)."""

    features: tuple[np.ndarray, ...]
    thumbnails: np.ndarray


def look(batches: Iterable[np.ndarray], extractors: Sequence[Extractor], title: str, total: int) -> Looked:
    """Return what is kept of batches (B, H, W, 3) uint8 of images, in one pass; progress goes to the log."""
    kept = [_Rows(total) for _ in extractors]
    small = _Rows(total)
    ticker = Ticker(title, done=0, total=total)
    for batch in batches:
        for rows, extractor in zip(kept, extractors, strict=True):
            rows.add(extractor(batch))
        # float16 is off by a twentieth of a level: nothing beside the distances of photographs
        small.add(thumbnails(batch).astype(np.float16))
        for _ in batch:
            ticker.advance()
    if (found := small.rows()) is None:
        raise ThrongError(f"{title}: no images: give some")
    return Looked(tuple(features for rows in kept if (features := rows.rows()) is not None), found)


def measure(
    generator: Any,
    encoding: Any,
    training: Iterable[np.ndarray],
    labels: np.ndarray,
    kind: str,
    extractors: Sequence[Extractor],
    options: Options,
    *,
    held_out: Iterable[np.ndarray] | None = None,
) -> dict[str, Any]:
    """Return all metrics of a generator as JSON-ready values, equal for equal arguments.

    ``training`` are batches (B, H, W, 3) uint8 RGB of all training images at the generator's resolution, ``labels``
    their labels, (N,) or (N, D) in the same order, of ``kind`` "none", "class", "score" or "vector"; labels of drawn
    images are drawn from them. ``held_out`` are images of the same kind that were not trained on. Under ``extractors``,
    one entry each: its card and ``frechet``, ``kernel``, ``precision``, ``recall``, ``frechet_infinity``,
    ``within_classes`` or ``along_score``, ``path_length``, ``memorisation``; what cannot be measured is None. Features
    and thumbnails are kept, images never: 50 000 of each kind at 2048 features take 1.4 GB. Raises ThrongError when
    labels and images do not match in number, or two extractors bear one name and digest.
    """
    _check_extractors(extractors)
    real = look(training, extractors, "training images", len(labels))
    if len(real.thumbnails) != len(labels):
        raise ThrongError(
            f"{len(real.thumbnails)} training images with {len(labels)} labels: give each image one label"
        )
    asked = labels_like(labels, options.images, seed=options.seed)
    fake = look(_drawn(generator, encoding, asked, options), extractors, "drawn images", options.images)
    apart = None if held_out is None else look(held_out, extractors, "held-out images", 0)
    rows = []
    for number, extractor in enumerate(extractors):
        known = None if apart is None else apart.features[number]
        row = distances(real.features[number], fake.features[number], labels, asked, kind, options)
        row["path_length"] = _path_length(generator, encoding, asked, extractor, options)
        row["memorisation"] = _memorisation(real.features[number], fake.features[number], known, options)
        rows.append(extractor.card() | row)
    small = None if apart is None else apart.thumbnails
    return {
        "images": {
            "training": len(labels),
            "drawn": options.images,
            "held_out": 0 if apart is None else len(apart.thumbnails),
            "as_published": options.images >= PUBLISHED_IMAGES,
        },
        "seed": options.seed,
        "truncation": options.truncation,
        "level": options.level,
        "extractors": rows,
        "pixels": {"memorisation": _memorisation(real.thumbnails, fake.thumbnails, small, options)},
        "equivariance": _equivariance(generator, encoding, asked, options),
    }


def distances(
    real: np.ndarray, fake: np.ndarray, labels: np.ndarray, asked: np.ndarray, kind: str, options: Options
) -> dict[str, Any]:
    """Return the distances of (N1, D) and (N2, D) features with their labels, as :func:`measure` does."""
    frechet = frechet_of(real, fake)
    draws = frechet_resamples(real, fake, resamples=options.resamples, seed=options.seed)
    kernel = _kernel(real, fake, options, options.resamples)
    row: dict[str, Any] = {
        "frechet": {"value": frechet, "interval": around(frechet, draws, options.level)},
        "kernel": {"value": kernel.value, "interval": kernel.interval, "estimate": kernel.estimate},
        "frechet_infinity": _infinity(real, fake, options),
        **_precision_recall(real, fake, options),
        "within_classes": None,
        "along_score": None,
    }
    if kind == "class":
        row["within_classes"] = {
            "frechet": by_class(real, labels, fake, asked, frechet_of),
            "kernel": by_class(real, labels, fake, asked, lambda one, other: _kernel(one, other, options).value),
        }
    if kind == "score":
        row["along_score"] = {
            "frechet": along_label(real, labels, fake, asked, frechet_of, centres=options.windows),
            "kernel": along_label(
                real,
                labels,
                fake,
                asked,
                lambda one, other: _kernel(one, other, options).value,
                centres=options.windows,
            ),
        }
    return row


class _Rows:
    """Rows (N, D) that arrive in parts, in one array of ``room`` rows from the start, so that nothing is held twice."""

    def __init__(self, room: int) -> None:
        self._room, self._filled = room, 0
        self._all: np.ndarray | None = None

    def add(self, part: np.ndarray) -> None:
        if self._all is None:
            self._all = np.empty((max(self._room, len(part)), *part.shape[1:]), part.dtype)
        end = self._filled + len(part)
        if end > len(self._all):
            self._all = np.concatenate([self._all, np.empty_like(self._all, shape=(end, *part.shape[1:]))])
        self._all[self._filled : end] = part
        self._filled = end

    def rows(self) -> np.ndarray | None:
        return None if self._all is None else self._all[: self._filled]


def _kernel(real: np.ndarray, fake: np.ndarray, options: Options, resamples: int = 0):
    return kernel_distance(
        real,
        fake,
        subsets=options.subsets,
        subset_size=options.subset_size,
        resamples=resamples,
        seed=options.seed,
        level=options.level,
    )


def _infinity(real: np.ndarray, fake: np.ndarray, options: Options) -> float | None:
    if min(len(real), len(fake)) < PER_FEATURE * real.shape[1]:
        return None
    return frechet_infinity(real, fake, seed=options.seed)


def _precision_recall(real: np.ndarray, fake: np.ndarray, options: Options) -> dict[str, Any]:
    if min(len(real), len(fake)) <= options.neighbours:
        return {"precision": None, "recall": None}
    found = precision_recall(real, fake, k=options.neighbours, level=options.level)
    return {
        "precision": {"value": found.precision, "interval": found.precision_interval},
        "recall": {"value": found.recall, "interval": found.recall_interval},
    }


def _path_length(
    generator: Any, encoding: Any, asked: np.ndarray, extractor: Extractor, options: Options
) -> dict[str, Any] | None:
    if options.path_pairs == 0:
        return None
    return path_length(
        generator,
        encoding,
        np.resize(asked, (options.path_pairs, *asked.shape[1:])),
        extractor,
        seed=options.seed,
        batch_size=options.batch_size,
        truncation=options.truncation,
        resamples=options.resamples,
        level=options.level,
    )


def _memorisation(
    real: np.ndarray, fake: np.ndarray, held_out: np.ndarray | None, options: Options
) -> dict[str, Any] | None:
    if len(real) < FEWEST:
        return None
    return memorisation(real, fake, held_out, quantile=options.quantile, shown=options.shown, level=options.level)


def _equivariance(generator: Any, encoding: Any, asked: np.ndarray, options: Options) -> dict[str, Any] | None:
    if options.equivariance_images == 0 or generator.architecture["name"] != "stylegan3":
        return None
    kinds = ["eq_t_int", "eq_t_frac"] + ["eq_r"] * (generator.resolution >= 4 * REACH)
    return equivariance(
        generator,
        encoding,
        np.resize(asked, (options.equivariance_images, *asked.shape[1:])),
        seed=options.seed,
        kinds=kinds,
        batch_size=options.batch_size,
        device=options.device,
        truncation=options.truncation,
        resamples=options.resamples,
        level=options.level,
    )


def _drawn(generator: Any, encoding: Any, asked: np.ndarray, options: Options) -> Iterator[np.ndarray]:
    return drawn(
        generator,
        encoding,
        asked,
        seed=options.seed,
        batch_size=options.batch_size,
        device=options.device,
        truncation=options.truncation,
    )


def _check_extractors(extractors: Sequence[Extractor]) -> None:
    seen = [(extractor.name, extractor.digest) for extractor in extractors]
    if len(set(seen)) < len(seen):
        twice = next(name for name, digest in seen if seen.count((name, digest)) > 1)
        raise ThrongError(f"feature extractor {twice!r} is given twice with the same weights: leave one out")
