"""Who is measured: every run of every trained counter, and published weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from throng.counting.interval import CountInterval
from throng.counting.network import Counter, multiply_accumulates, parameter_count
from throng.counting.registry import build, load_counter, load_hdf5
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.provenance import digest

PUBLISHED = "published"
PHOTOGRAPH = (768, 1024)  # pixels, of which the cost is told
NEEDED = ("counter", "run", "best_on_test", "interval", "options")
Sigma = float | Literal["adaptive"]


@dataclass(frozen=True)
class Training:
    """One run: its network on the CPU, its interval (None: it has none), and what its record says of it."""

    run: str
    model: Counter
    interval: CountInterval | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entrant:
    """A counter and its runs; ``sigma`` makes the true maps, pixels after its resizing."""

    name: str
    runs: tuple[Training, ...]
    sigma: Sigma
    published: bool
    best_on_test: bool = False

    @property
    def model(self) -> Counter:
        """The network of the first run; the others differ from it in their weights only."""
        return self.runs[0].model

    def key(self) -> str:
        """Return what tells these weights from all others."""
        return digest(self.name, *(training.facts["weights_sha256"] for training in self.runs))[:20]

    def facts(self) -> dict[str, Any]:
        """Return what kind of network it is: architecture, size, cost, and what its maps depend on."""
        model = self.model
        macs = multiply_accumulates(model, *model.input_spec.scaled_shape(*PHOTOGRAPH))
        return {
            "model": model.architecture["name"],
            "published": self.published,
            "parameters": parameter_count(model),
            "gmac_768x1024": macs / 1e9,
            "stride": model.stride,
            "image_scale": model.input_spec.image_scale,
            "sigma": self.sigma,
        }


def trained(weights: Sequence[Path], recipes: Sequence[Path]) -> Iterator[Entrant]:
    """Yield the trained counters, their runs together, in the order of the first; one counter is loaded at a time.

    ``recipes`` are the JSON files beside the ``weights``. Raises ThrongError naming a file that is no counter of
    train_counter, does not belong to its recipe, or repeats a run.
    """
    if len(weights) != len(recipes):
        raise ThrongError(f"evaluate needs one recipe per weights file; got {len(weights)} and {len(recipes)}")
    groups: dict[str, dict[str, Path]] = {}
    for path, beside in zip(weights, recipes, strict=True):
        told = read_recipe(beside)
        runs = groups.setdefault(told["counter"], {})
        if told["run"] in runs:
            raise ThrongError(f"{runs[told['run']]} and {path} are both {told['run']} of counter {told['counter']!r}")
        runs[told["run"]] = path
    for name, runs in groups.items():
        loaded = [_training(name, run, path) for run, path in runs.items()]
        recipe = loaded[0][1]
        yield Entrant(
            name,
            tuple(training for training, _ in loaded),
            recipe["options"]["sigma"],
            published=False,
            best_on_test=any(one["best_on_test"] for _, one in loaded),
        )


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the recipe in the JSON file that train_counter writes beside weights; raises ThrongError for another."""
    try:
        recipe = json.loads(path.read_text())["recipe"]
        missing = [key for key in NEEDED if key not in recipe]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ThrongError(f"{path} is no recipe of a trained counter: {error!r}; rerun stage 'train_counter'") from None
    if missing:
        raise ThrongError(f"{path}: the recipe lacks {', '.join(missing)}; rerun stage 'train_counter'")
    return recipe


def _training(counter: str, run: str, path: Path) -> tuple[Training, dict[str, Any]]:
    model, recipe = load_counter(path)
    if (recipe.get("counter"), recipe.get("run")) != (counter, run):
        raise ThrongError(
            f"{path} holds {recipe.get('run')} of counter {recipe.get('counter')!r}, but the recipe beside it is of "
            f"{run} of {counter!r}; rerun stage 'train_counter'"
        )
    facts = {
        "weights_sha256": sha256_file(path),
        "best_on_test": bool(recipe["best_on_test"]),
        "validation_mae": recipe.get("validation_mae"),
    }
    return Training(run, model, CountInterval(**recipe["interval"]), facts), recipe


def published(name: str, architecture: str, channels: Literal[1, 3], sigma: Sigma, path: Path) -> Entrant:
    """Return a registered ``architecture`` with published HDF5 weights; raises ThrongError when they do not fit it."""
    model = build(architecture, channels)
    load_hdf5(model, path)
    facts = {"weights_sha256": sha256_file(path), "best_on_test": None, "validation_mae": None}
    return Entrant(name, (Training(PUBLISHED, model.eval(), None, facts),), sigma, published=True)
