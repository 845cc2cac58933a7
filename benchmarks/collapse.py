"""How often SANet's density map dies, recipe by recipe, over many seeds.

    python benchmarks/collapse.py [--quick | --full] [--device cuda] [--cases NAME ...]

Trains sanet-paper on rendered scenes with exact heads: by a customary recipe (weights from N(0, 0.01), no norm or one
without gain and offset before ReLU, maps at their raw scale, ReLU at the end), by throng's defaults, by the customary
recipe with one cure at a time, and by the defaults with one of theirs taken away. A run has collapsed when throng's
CollapseDetector holds the last rows of its history dead, or when its maps of the validation scenes have a spread below
1 % or a count below 2 % of the true ones. A map can also be lively and wrong: a run is blind when its maps correlate
with the true ones by less than 0.1.

Runs go to a journal, so a study that was stopped goes on where it was. Figures go to
benchmarks/results/collapse.json, the picture to docs/figures/collapse.png. Needs matplotlib beside throng.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seeded_studies import ROOT, Crowd, Journal, render_crowds

from throng.auditing.shares import share
from throng.counting.collapse import CollapseDetector
from throng.counting.inference import predict_map
from throng.counting.losses import Labels
from throng.counting.losses.labels import Truth
from throng.counting.network import Counter
from throng.counting.options import CounterOptions
from throng.counting.samples import Sample
from throng.counting.train import train_counter
from throng.errors import ThrongError

LOG_EVERY, DEAD_ROWS = 10, 3
LEAST_SPREAD, LEAST_COUNT, LEAST_CORRELATION = 0.01, 0.02, 0.1


@dataclass(frozen=True)
class Setting:
    """What all runs of a study share; ``shape`` is rendered, ``crop`` and ``sigma`` are in pixels after resizing."""

    training_scenes: int = 48
    validation_scenes: int = 12
    shape: tuple[int, int] = (192, 256)
    people: tuple[int, int] = (5, 60)
    image_scale: float = 0.5
    crop: tuple[int, int] = (48, 64)
    sigma: float = 2.0
    batch_size: int = 1
    steps: int = 150
    warmup_steps: int = 10
    module_steps: int = 15


SETTINGS = {
    "default": Setting(),
    "quick": Setting(training_scenes=4, validation_scenes=2, steps=30, module_steps=3),
    "full": Setting(
        training_scenes=400,
        validation_scenes=100,
        shape=(384, 512),
        image_scale=1.0,
        crop=(192, 256),
        sigma=4.0,
        batch_size=4,
        steps=2000,
        warmup_steps=50,
        module_steps=100,
    ),
}


@dataclass(frozen=True)
class Case:
    """A recipe, as options of the counter that differ from throng's own, and how many seeds it is tried with."""

    options: Mapping[str, Any]
    seeds: int


BARE = {"norm": False, "init": "gaussian"}
# Without SSIM: at the raw scale its constants, made for a range of 1, leave it without a gradient.
CUSTOMARY: dict[str, Any] = {
    "model_options": BARE,
    "target_scale": 1.0,
    "start_at_mean": False,
    "losses": {"pixel": 1.0},
}
SLOW = {"optimizer": "adam", "learning_rate": 1e-4, "weight_decay": 0.0, "schedule": "constant", "warmup_steps": 0}


def cured(**cure: Any) -> dict[str, Any]:
    """Return the customary recipe with a cure; ``model_options`` are added to its own."""
    return CUSTOMARY | cure | {"model_options": BARE | cure.get("model_options", {})}


CASES = {
    "customary, no norm": Case(CUSTOMARY, 10),
    "customary, norm without gain and offset": Case(cured(model_options={"norm": True, "affine": False}), 10),
    "customary, no norm, Adam 1e-4": Case(CUSTOMARY | SLOW, 5),
    "throng's defaults": Case({}, 10),
    "cure: norm with gain and offset": Case(cured(model_options={"norm": True}), 5),
    "cure: He initialisation": Case(cured(model_options={"init": "he"}), 5),
    "cure: target scale 100": Case(cured(target_scale=100.0), 5),
    "cure: softplus at the end": Case(cured(model_options={"last_activation": "softplus"}), 5),
    "cure: linear at the end": Case(cured(model_options={"last_activation": "linear"}), 5),
    "cure: start at the mean": Case(cured(start_at_mean=True), 5),
    "cure: scaled SSIM term": Case(cured(losses={"pixel": 1.0, "ssim": 0.001}), 5),
    "cure: module-wise warm-up": Case(cured(module_steps=True), 5),
    "defaults, but raw target scale": Case({"target_scale": 1.0}, 5),
    "defaults, but N(0, 0.01)": Case({"model_options": {"init": "gaussian"}}, 5),
    "defaults, but no norm": Case({"model_options": {"norm": False}}, 5),
    "defaults, but not from the mean": Case({"start_at_mean": False}, 5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few steps of each case, to see that it runs")
    size.add_argument("--full", action="store_true", help="larger scenes and 2,000 steps, for a GPU")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES), metavar="NAME")
    parser.add_argument("--seeds", type=int, help="at most so many seeds of each case")
    parser.add_argument("--report", action="store_true", help="train nothing: figures of the runs in the journal")
    parser.add_argument("--journal", type=Path, default=ROOT / "runs" / "collapse.jsonl")
    parser.add_argument("--out", type=Path, default=ROOT)
    arguments = parser.parse_args()
    name = "quick" if arguments.quick else "full" if arguments.full else "default"
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    most = 1 if arguments.quick else arguments.seeds or max(case.seeds for case in CASES.values())
    study = Study(SETTINGS[name], arguments.device, Journal(arguments.journal))
    runs = study.run({case: min(most, CASES[case].seeds) for case in arguments.cases}, train=not arguments.report)
    report = {
        "what": "sanet-paper on rendered scenes: runs whose density map died, by recipe",
        "setting": asdict(study.setting),
        "torch": torch.__version__,
        "device": arguments.device,
        "dead": {"spread below": LEAST_SPREAD, "count below": LEAST_COUNT, "rows of 10 steps": DEAD_ROWS},
        "blind": {"map correlation below": LEAST_CORRELATION},
        "cases": {case: summary(results) for case, results in runs.items()},
        "runs": runs,
    }
    stem = "collapse" if name == "default" else f"collapse-{name}"
    results, figures = arguments.out / "benchmarks" / "results", arguments.out / "docs" / "figures"
    for folder in (results, figures):
        folder.mkdir(parents=True, exist_ok=True)
    (results / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    draw(runs, figures / f"{stem}.png")


class Study:
    """Runs cases by seed, seed after seed so that a study cut short has some of each."""

    def __init__(self, setting: Setting, device: str, journal: Journal) -> None:
        self.setting, self.device, self.journal = setting, device, journal
        self._scenes: tuple[list[Crowd], list[Crowd]] | None = None

    def scenes(self) -> tuple[list[Crowd], list[Crowd]]:
        """Return training and validation scenes, rendered when first asked for."""
        if self._scenes is None:
            first, number = self.setting.training_scenes, self.setting.validation_scenes
            crowds = render_crowds(range(first + number), range(1), self.setting.shape, self.setting.people)
            self._scenes = crowds[:first], crowds[first:]
        return self._scenes

    def run(self, seeds: Mapping[str, int], *, train: bool) -> dict[str, list[dict[str, Any]]]:
        """Return the results of every case that has any, by seed; unless ``train``, those in the journal."""
        runs: dict[str, list[dict[str, Any]]] = {case: [] for case in seeds}
        for seed in range(max(seeds.values())):
            for case in (case for case, number in seeds.items() if seed < number):
                options = self.options(case, seed)
                identity = {"setting": asdict(self.setting), "options": CASES[case].options, "seed": seed}
                if train:
                    self.journal.once(identity, lambda chosen=options: self.once(chosen))
                result = self.journal.kept(identity)
                if result is not None:
                    runs[case].append({"seed": seed, **result})
                    print(case, json.dumps(runs[case][-1]), flush=True)
        return {case: results for case, results in runs.items() if results}

    def options(self, case: str, seed: int) -> CounterOptions:
        """Return the options of a run."""
        chosen: dict[str, Any] = {
            name: getattr(self.setting, name)
            for name in ("image_scale", "crop", "sigma", "batch_size", "steps", "warmup_steps")
        }
        chosen |= {"val_scheme": "patches", "val_every": self.setting.steps, "log_every": LOG_EVERY}
        chosen |= CASES[case].options
        if chosen.get("module_steps"):
            chosen["module_steps"] = self.setting.module_steps
        return CounterOptions(model="sanet-paper", seed=seed, collapse_steps=0, **chosen)

    def once(self, options: CounterOptions) -> dict[str, Any]:
        """Train once, to the end whatever happens, and return what became of the map."""
        training, validation = self.scenes()
        with tempfile.TemporaryDirectory() as folder:
            model, recipe, history = train_counter(
                [Sample(crowd.image, crowd.points) for crowd in training],
                [Sample(crowd.image, crowd.points) for crowd in validation],
                options,
                Path(folder),
                self.device,
                workers=0,
            )
        rows = [row for row in history if "predicted_spread" in row]
        maps = map_figures(model, validation, options)
        mean = float(recipe["mean_training_count"])
        by_mean = statistics.mean(abs(len(crowd.points) - mean) for crowd in validation)
        empty = maps["count_ratio"] < LEAST_COUNT
        dead = empty or maps["spread_ratio"] < LEAST_SPREAD or dead_at_the_end(rows)
        return {
            "collapsed": dead,
            "kind": ("empty" if empty else "constant") if dead else "alive",
            **maps,
            "mae_over_mean_predictor": recipe["validation_mae"] / by_mean,
            "spread_ratio_by_row": [round(row["predicted_spread"] / max(row["true_spread"], 1e-12), 5) for row in rows],
        }


def dead_at_the_end(rows: Sequence[Mapping[str, float]]) -> bool:
    """Tell whether throng's detector fires on the last rows of a history."""
    detector = CollapseDetector(DEAD_ROWS)
    try:
        for row in rows[-DEAD_ROWS:]:
            detector(int(row["step"]), row)
    except ThrongError:
        return True
    return False


@torch.no_grad()
def map_figures(model: Counter, crowds: Sequence[Crowd], options: CounterOptions) -> dict[str, float]:
    """Return spread and count over the true ones, and the mean correlation of predicted with true maps."""
    spreads, counts, correlations = [], [], []
    for crowd in crowds:
        predicted = predict_map(model, model.input_spec.scaled(crowd.image), scheme=options.val_scheme).cpu()
        points = model.input_spec.scaled_points(crowd.points, crowd.image.shape[:2])
        shape = model.input_spec.scaled_shape(*crowd.image.shape[:2])
        labels = Labels([torch.from_numpy(points)], shape, model.stride, sigma=float(options.sigma))
        true = Truth(labels, predicted).density
        spreads.append((float(predicted.std()), float(true.std())))
        counts.append((float(predicted.sum()), float(true.sum())))
        # What is left of a constant map is rounding, which has no correlation with anything.
        constant = spreads[-1][0] < 1e-6 * spreads[-1][1]
        correlations.append(0.0 if constant else float(np.corrcoef(predicted.ravel(), true.ravel())[0, 1]))
    (spread, true_spread), (count, true_count) = np.sum(spreads, 0), np.sum(counts, 0)
    return {
        "spread_ratio": float(spread / true_spread),
        "count_ratio": float(count / true_count),
        "map_correlation": statistics.mean(correlations),
    }


def summary(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the shares of collapsed runs and of blind ones, whose map is not where the heads are, and medians."""
    measures = ("spread_ratio", "count_ratio", "map_correlation", "mae_over_mean_predictor")
    return {
        "collapsed": share(sum(run["collapsed"] for run in results), len(results)),
        "blind": share(sum(run["map_correlation"] < LEAST_CORRELATION for run in results), len(results)),
        "kinds": {kind: sum(run["kind"] == kind for run in results) for kind in ("empty", "constant", "alive")},
        **{f"median_{name}": float(f"{statistics.median(run[name] for run in results):.4g}") for name in measures},
    }


def draw(runs: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw the share of collapsed runs with intervals, and every run's spread and correlation, case by case."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(runs)
    figure, (rates, spreads, correlations) = pyplot.subplots(
        1, 3, figsize=(13, 0.42 * len(names) + 1.4), sharey=True, width_ratios=(1, 1.3, 1)
    )
    for place, name in enumerate(reversed(names)):
        colour = (
            "tab:blue"
            if name.startswith(("throng", "defaults"))
            else "tab:red"
            if name.startswith("customary")
            else "tab:gray"
        )
        rate = summary(runs[name])["collapsed"]
        rates.plot([100 * rate["low"], 100 * rate["high"]], [place, place], color=colour, linewidth=2)
        rates.plot(100 * rate["share"], place, "o", color=colour)
        at = np.full(len(runs[name]), place)
        spreads.plot([max(run["spread_ratio"], 1e-7) for run in runs[name]], at, "o", color=colour, alpha=0.4)
        correlations.plot([run["map_correlation"] for run in runs[name]], at, "o", color=colour, alpha=0.4)
    rates.set_yticks(range(len(names)), [f"{name} (n = {len(runs[name])})" for name in reversed(names)])
    rates.set_xlabel("collapsed runs, %, 95 % interval")
    rates.set_xlim(-4, 104)
    spreads.set_xscale("log")
    spreads.axvline(LEAST_SPREAD, color="black", linestyle=":", linewidth=1)
    spreads.set_xlabel("spread over the true maps', by seed")
    correlations.axvline(LEAST_CORRELATION, color="black", linestyle=":", linewidth=1)
    correlations.set_xlabel("correlation with the true maps")
    for axes in (rates, spreads, correlations):
        axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
