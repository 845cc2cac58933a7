"""Whoever stands on a rung: one or more runs that count photographs, and what making them has cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from throng import detectors
from throng.detectors.protocol import Photograph
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.images import ImageStore, decode
from throng.provenance import digest
from throng.sections.ladder import Counted, Detected, Fitted
from throng.tables.images import ImageRow

ONLY = "only"  # the run of what no random number decides


@dataclass(frozen=True)
class Cost:
    """What one run takes: parameters, and the optimiser steps of all trainings behind it; None where nobody knows."""

    parameters: int | None = None
    steps: int | None = None


class Climber(Protocol):
    """Counts photographs in every run."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of the runs."""
        ...

    @property
    def key(self) -> str:
        """What tells it from all others."""
        ...

    @property
    def batch(self) -> int:
        """How many photographs of one size it takes at once."""
        ...

    @property
    def cost(self) -> Cost:
        """What one run takes."""
        ...

    def count(self, rows: Sequence[ImageRow]) -> list[list[float]]:
        """Return the people in each photograph by each run; raises ThrongError naming one that cannot be counted."""
        ...


class Constant:
    """The same number whatever is shown."""

    runs, batch, cost = (ONLY,), 64, Cost(parameters=1, steps=0)

    def __init__(self, people: float) -> None:
        self.people = people
        self.key = digest("constant", repr(people))[:20]

    def count(self, rows: Sequence[ImageRow]) -> list[list[float]]:
        """Return the number for each photograph."""
        return [[self.people] for _ in rows]


class Detections:
    """As many people as a detector finds; a batch holds photographs of one size."""

    runs = (ONLY,)
    cost = Cost()

    def __init__(self, rung: Detected, model: Path | None, store: ImageStore, scratch: Path) -> None:
        self._detector = detectors.load(rung.detector, model, scratch)
        self._name, self._store = rung.name, store
        self.batch = self._detector.batch
        self.key = digest("detector", rung.detector.model_dump_json(), str(self._detector.model))[:20]

    @property
    def model(self) -> Mapping[str, str] | None:
        """The model's file and hash."""
        return self._detector.model

    def count(self, rows: Sequence[ImageRow]) -> list[list[float]]:
        """Return how many people are found in each photograph."""
        found = self._detector.detect([Photograph(row, _decoded(row, self._store)) for row in rows])
        for row, one in zip(rows, found, strict=True):
            if one.rejection:
                raise ThrongError(f"rung {self._name!r} cannot count {_place(row)}: {one.rejection}")
        return [[float(len(one.people))] for one in found]


class Fits:
    """The runs of a fit of fit_counts."""

    batch = 1

    def __init__(self, rung: Fitted, paths: Sequence[Path], store: ImageStore, device: str) -> None:
        from throng.ranking.fitted import load_fitted

        self._name, self._store = rung.name, store
        self._loaded = {path: load_fitted(path, device) for path in paths}
        recipes = {path: one.recipe for path, one in self._loaded.items()}
        self.runs = _runs(rung.fit, "fit", recipes, "fit_counts")
        for path, recipe in recipes.items():
            check_unlabelled(path, {"labels": "none", **recipe})
        first = next(iter(self._loaded.values()))
        parameters = sum(tensor.numel() for tensor in first.encoder.network.parameters()) + first.head.w.size
        self.cost = Cost(parameters, training_steps(first.recipe))
        self.key = digest("fit", *map(sha256_file, paths))[:20]

    def count(self, rows: Sequence[ImageRow]) -> list[list[float]]:
        """Return the people in each photograph by each run."""
        return [
            [self._finite(one.count(pixels), row) for one in self._loaded.values()] for row, pixels in self._read(rows)
        ]

    def _read(self, rows: Sequence[ImageRow]) -> list[tuple[ImageRow, np.ndarray]]:
        return [(row, _decoded(row, self._store)) for row in rows]

    def _finite(self, people: float, row: ImageRow) -> float:
        if not np.isfinite(people):
            raise ThrongError(f"rung {self._name!r} counts {people} people in {_place(row)}: its weights are damaged")
        return people


class Counters:
    """The runs of a counter of train_counter."""

    batch = 1

    def __init__(self, rung: Counted, paths: Sequence[Path], store: ImageStore, device: str) -> None:
        from throng.counting.network import parameter_count
        from throng.counting.registry import load_counter

        loaded = {path: load_counter(path) for path in paths}
        recipes = {path: recipe for path, (_, recipe) in loaded.items()}
        self.runs = _runs(rung.counter, "counter", recipes, "train_counter")
        for path, recipe in recipes.items():
            check_unlabelled(path, recipe)
        self._models = [model.to(device) for model, _ in loaded.values()]
        self._rung, self._store = rung, store
        self.cost = Cost(parameter_count(self._models[0]), training_steps(next(iter(recipes.values()))))
        self.key = digest("counter", rung.scheme, *map(sha256_file, paths))[:20]

    def count(self, rows: Sequence[ImageRow]) -> list[list[float]]:
        """Return the people in each photograph by each run."""
        from throng.counting.inference import decode_for, predict_count

        counts: list[list[float]] = []
        for row in rows:
            data = self._store.read_bytes(row.source, row.path)
            try:
                pixels = decode_for(self._models[0], data)
                counts.append([predict_count(model, pixels, scheme=self._rung.scheme)[0] for model in self._models])
            except ThrongError as error:
                raise ThrongError(f"rung {self._rung.name!r} cannot count {_place(row)}: {error}") from error
        return counts


def check_unlabelled(path: Path, recipe: Mapping[str, Any]) -> None:
    """Raise ThrongError when a recipe says that a label has taught or chosen its counter, or does not say."""
    chosen_by_labels = recipe.get("best_on_test") or recipe.get("validation") in ("val", "test")
    if chosen_by_labels or recipe.get("labels") not in ("none", "detected"):
        said = {key: recipe.get(key) for key in ("labels", "validation", "best_on_test")}
        raise ThrongError(
            f"{path} is no rung: labels taught or chose it, or its recipe does not say ({said}); train it with "
            f"data.images: 0 and validation: detected"
        )


def training_steps(recipe: Any) -> int:
    """Return the optimiser steps, at most, of all trainings that a recipe tells of, its beginnings' included."""
    if isinstance(recipe, Mapping):
        return sum(
            value if key == "steps" and isinstance(value, int) else training_steps(value)
            for key, value in recipe.items()
        )
    return sum(map(training_steps, recipe)) if isinstance(recipe, list) else 0


def _runs(name: str, key: str, recipes: Mapping[Path, Mapping[str, Any]], stage: str) -> tuple[str, ...]:
    """Return the runs that recipes tell of; they must be of the counter that the rung names, each once."""
    runs: dict[str, Path] = {}
    for path, recipe in recipes.items():
        if recipe.get(key) != name or not isinstance(recipe.get("run"), str):
            raise ThrongError(f"{path} is of {key} {recipe.get(key)!r}, not of {name!r}: rerun stage {stage!r}")
        if recipe["run"] in runs:
            raise ThrongError(f"{runs[recipe['run']]} and {path} are both {recipe['run']} of {key} {name!r}")
        runs[recipe["run"]] = path
    return tuple(runs)


def _decoded(row: ImageRow, store: ImageStore) -> np.ndarray:
    try:
        pixels = decode(store.read_bytes(row.source, row.path))
    except ThrongError as error:
        raise ThrongError(f"{_place(row)} cannot be decoded: {error}; restore it or rerun stage 'ingest'") from error
    if pixels.shape[:2] != (row.height, row.width):
        raise ThrongError(
            f"{_place(row)} has {pixels.shape[1]}x{pixels.shape[0]} pixels, but table images says {row.width}x"
            f"{row.height}: the file changed; restore it or rerun stage 'ingest'"
        )
    return pixels


def _place(row: ImageRow) -> str:
    return f"{row.path!r} of source {row.source!r}"
