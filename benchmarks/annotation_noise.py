"""Do Gaussian layers, or the Bayesian loss, resist noisy head points? Known noise in, clean images to measure by.

    python benchmarks/annotation_noise.py [--quick | --full] [--device cuda] [--counters NAME ...] [--seeds N]

Rendered images have exact heads. The training heads are moved by N(0, s) pixels, or a share of them is left out; the
test images, other people before the same cameras, keep all of theirs. A seed draws weights, crops and noise, and is
the same for every counter: the same unit displacements are stretched to every s. Reported are MAE, GAME(2) (the error
over 16 regions, which sees misplaced people too) and bias, means over seeds with 95 % t intervals, and paired
differences to the baseline.

Runs go to a journal, so a study that was stopped goes on where it was. Figures go to
benchmarks/results/annotation_noise.json, the picture to docs/figures/annotation_noise.png. Needs matplotlib and scipy.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from seeded_studies import ROOT, Crowd, Journal, render_crowds
from torch import nn

from throng.counting.inference import predict_map
from throng.counting.inputs import InputSpec
from throng.counting.layers import replace as put_gaussians
from throng.counting.losses import Labels, build_loss
from throng.counting.network import Counter, initialise
from throng.counting.registry import build
from throng.evaluation.map_metrics import game_metrics
from throng.training import LoopOptions, train

LEVEL, SETTLING = 0.95, 20
MEASURES = ("mae", "game_2", "bias", "mae_with_known_share")


@dataclass(frozen=True)
class Setting:
    """What all runs share; ``shape`` and noise are in rendered pixels, ``crop`` and ``sigma`` in pixels after resizing.

    ``bayesian_sigma`` is the width of a head's likelihood, also after resizing.
    """

    scenes: int = 8
    training_frames: int = 6
    test_frames: int = 4
    shape: tuple[int, int] = (384, 512)
    people: tuple[int, int] = (5, 80)
    background: bool = False
    image_scale: float = 0.5
    crop: tuple[int, int] = (48, 64)
    sigma: float = 3.0
    bayesian_sigma: float = 8.0
    batch_size: int = 16
    steps: int = 160
    learning_rate: float = 5e-3
    warmup_steps: int = 10
    ema_decay: float = 0.0


SETTINGS = {
    "default": Setting(),
    "quick": Setting(scenes=1, training_frames=3, test_frames=2, steps=6, warmup_steps=2),
    "full": Setting(
        scenes=50,
        background=True,
        image_scale=1.0,
        crop=(192, 256),
        sigma=6.0,
        bayesian_sigma=16.0,
        batch_size=8,
        steps=4000,
        warmup_steps=100,
        ema_decay=0.99,
    ),
}


class Noise(NamedTuple):
    """How the training heads are spoilt: displacement in rendered pixels, and the share left out."""

    jitter: float = 0.0
    missing: float = 0.0


CLEAN = Noise()
JITTERS = [CLEAN, Noise(jitter=4.0), Noise(jitter=8.0), Noise(jitter=16.0)]
MISSING = [CLEAN, Noise(missing=0.1), Noise(missing=0.3)]
NOISES = [*JITTERS, *MISSING[1:]]


@dataclass(frozen=True)
class Entrant:
    """A counter: ``small`` or a registered network, patterns of layers that become Gaussian with their units, losses.

    ``baseline`` is the entrant that it is compared with, seed by seed.
    """

    model: str
    gaussian: Mapping[str, int]
    losses: Callable[[Setting], dict[str, Any]]
    baseline: str | None


# The count loss is in both, weighted to be felt beside the other: alone, either is far from calibrated by the end.
def bayesian(setting: Setting) -> dict[str, Any]:
    return {"bayesian": {"weight": 1.0, "sigma": setting.bayesian_sigma}, "count": 1.0}


def pixelwise(_: Setting) -> dict[str, Any]:
    return {"pixel": 1.0, "count": 0.05}


# The 3x3 convolutions of small's three blocks at stride 4 and of compact's four at stride 8.
SMALL_DEEP, DEEP = {"[234].0": 4}, {"[4567].body.*": 4}
ENTRANTS = {
    "small": Entrant("small", {}, pixelwise, None),
    "small, Gaussian": Entrant("small", SMALL_DEEP, pixelwise, "small"),
    "small, Bayesian loss": Entrant("small", {}, bayesian, "small"),
    "compact": Entrant("compact", {}, pixelwise, None),
    "compact, Gaussian": Entrant("compact", DEEP, pixelwise, "compact"),
    "compact, Bayesian loss": Entrant("compact", {}, bayesian, "compact"),
    "mcnn": Entrant("mcnn", {}, pixelwise, None),
    "gaunet-mcnn": Entrant("gaunet-mcnn", {}, pixelwise, "mcnn"),
}
SMALL = [name for name, entrant in ENTRANTS.items() if entrant.model == "small"]
# By counter, noise and seed.
Runs = dict[str, dict[Noise, dict[int, dict[str, float]]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few steps of each counter, to see that it runs")
    size.add_argument("--full", action="store_true", help="more scenes, 4,000 steps, all counters; for a GPU")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--counters", nargs="+", choices=list(ENTRANTS), metavar="NAME", help="default: compact's three"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="train nothing: figures of the runs in the journal")
    parser.add_argument("--journal", type=Path, default=ROOT / "runs" / "annotation_noise.jsonl")
    parser.add_argument("--out", type=Path, default=ROOT)
    arguments = parser.parse_args()
    name = "quick" if arguments.quick else "full" if arguments.full else "default"
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    counters = arguments.counters or (list(ENTRANTS) if arguments.full else SMALL)
    study = Study(SETTINGS[name], arguments.device, Journal(arguments.journal))
    runs = study.run(counters, 2 if arguments.quick else arguments.seeds, train=not arguments.report)
    report = {
        "what": "counters trained on spoilt head points of rendered scenes, measured on clean ones",
        "setting": asdict(study.setting),
        "scenes": study.described(),
        "torch": torch.__version__,
        "device": arguments.device,
        "counters": {
            counter: [{**noise._asdict(), **figures(runs, counter, noise)} for noise, rows in by_noise.items() if rows]
            for counter, by_noise in runs.items()
        },
        "runs": {
            counter: [{**noise._asdict(), "by_seed": rows} for noise, rows in by_noise.items()]
            for counter, by_noise in runs.items()
        },
    }
    stem = "annotation_noise" if name == "default" else f"annotation_noise-{name}"
    results, pictures = arguments.out / "benchmarks" / "results", arguments.out / "docs" / "figures"
    for folder in (results, pictures):
        folder.mkdir(parents=True, exist_ok=True)
    (results / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    draw(report["counters"], pictures / f"{stem}.png")


class Study:
    """Trains every counter on every noise, seed after seed so that a study cut short has some of each."""

    def __init__(self, setting: Setting, device: str, journal: Journal) -> None:
        self.setting, self.device, self.journal = setting, device, journal
        scenes, first, last = range(setting.scenes), setting.training_frames, setting.test_frames
        look = {"shape": setting.shape, "people": setting.people, "background": setting.background}
        self.training = render_crowds(scenes, range(first), **look)
        self.test = render_crowds(scenes, range(first, first + last), **look)

    def described(self) -> dict[str, Any]:
        """Return the size of heads in rendered pixels, and the error of the mean training count."""
        sizes = np.concatenate([crowd.head_sizes for crowd in self.training + self.test])
        numbers = np.array([len(crowd.points) for crowd in self.test])
        mean = np.mean([len(crowd.points) for crowd in self.training])
        return {
            "head_px": {f"p{share}": float(np.percentile(sizes, share)) for share in (5, 25, 50, 75, 95)},
            "training_images": len(self.training),
            "test_images": len(self.test),
            "training_heads": sum(len(crowd.points) for crowd in self.training),
            "test_heads": int(numbers.sum()),
            "mae_of_mean_count": float(np.abs(numbers - mean).mean()),
        }

    def run(self, counters: Sequence[str], seeds: int, *, train: bool) -> Runs:
        """Return the results by counter, noise and seed; unless ``train``, those in the journal."""
        runs: Runs = {counter: {noise: {} for noise in NOISES} for counter in counters}
        for seed in range(seeds):
            for noise in NOISES:
                for counter in counters:
                    entrant, losses = ENTRANTS[counter], ENTRANTS[counter].losses(self.setting)
                    identity = {
                        "setting": asdict(self.setting),
                        "model": entrant.model,
                        "gaussian": entrant.gaussian,
                        "losses": losses,
                        "noise": noise._asdict(),
                        "seed": seed,
                    }
                    if train:
                        self.journal.once(
                            identity, lambda e=entrant, chosen=losses, n=noise, s=seed: self.once(e, chosen, n, s)
                        )
                    result = self.journal.kept(identity)
                    if result is not None:
                        runs[counter][noise][seed] = result
                        print(counter, noise, seed, json.dumps(result), flush=True)
        return runs

    def once(self, entrant: Entrant, losses: Mapping[str, Any], noise: Noise, seed: int) -> dict[str, float]:
        """Train on spoilt heads and measure on clean scenes; the last weights count, so nothing is chosen."""
        setting = self.setting
        torch.manual_seed(seed)
        model = small() if entrant.model == "small" else build(entrant.model, last_activation="softplus")
        for pattern, units in entrant.gaussian.items():
            put_gaussians(model.network, pattern, units)
        model.input_spec = replace(model.input_spec, image_scale=setting.image_scale)
        scenes = [spoilt(crowd, noise, np.random.default_rng([seed, 2, n])) for n, crowd in enumerate(self.training)]
        scenes = [scaled(model, scene) for scene in scenes]
        pixels = sum(image.shape[0] * image.shape[1] for image, _ in scenes)
        model.set_initial_density(model.stride**2 * sum(len(points) for _, points in scenes) / pixels)
        criterion = build_loss(losses, target_scale=model.target_scale)

        def loss_of(network: torch.nn.Module, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            images, points = batch
            labels = Labels(points, setting.crop, model.stride, sigma=setting.sigma)
            return criterion(network(model.input_spec.normalise(images)), labels)

        options = LoopOptions(
            steps=setting.steps,
            learning_rate=setting.learning_rate,
            weight_decay=0.01,
            warmup_steps=setting.warmup_steps,
            ema_decay=setting.ema_decay,
            seed=seed,
        )
        with tempfile.TemporaryDirectory() as folder:
            train(
                model,
                lambda number: crops(scenes, setting, np.random.default_rng([seed, 1, number])),
                loss_of,
                options,
                Path(folder),
                device=self.device,
                title=f"{entrant.model} {noise}",
            )
        settle(model, [crops(scenes, setting, np.random.default_rng([seed, 3, n]))[0] for n in range(SETTLING)])
        return measured(model.eval(), self.test, noise)


def small() -> Counter:
    """Return a plain network that learns within seconds: two 3x3 convolutions down to stride 4, three there.

    It sees 39 pixels across.
    """
    network = nn.Sequential(
        block(3, 16, stride=2), block(16, 32, stride=2), block(32, 32), block(32, 32),
        block(32, 32, dilation=2), nn.Conv2d(32, 1, 1),
    )  # fmt: skip
    initialise(network, "he")
    return Counter(
        network,
        stride=4,
        multiple=4,
        in_channels=3,
        target_scale=10.0,
        last_activation="softplus",
        input_spec=InputSpec(channels=3, mean=114.0, std=58.0),
    )


def block(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def spoilt(crowd: Crowd, noise: Noise, rng: np.random.Generator) -> Crowd:
    """Return a scene whose heads are moved and some of them left out; who leaves the image comes back to its edge."""
    moved = crowd.points + noise.jitter * rng.standard_normal(crowd.points.shape)
    height, width = crowd.image.shape[:2]
    kept = rng.random(len(moved)) >= noise.missing
    return crowd._replace(points=np.clip(moved, 0, (width - 1, height - 1))[kept])


def scaled(model: Counter, crowd: Crowd) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and heads at the network's resolution."""
    spec = model.input_spec
    return spec.scaled(crowd.image), spec.scaled_points(crowd.points, crowd.image.shape[:2])


def crops(
    scenes: Sequence[tuple[np.ndarray, np.ndarray]], setting: Setting, rng: np.random.Generator
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return (B, 3, H, W) uint8 tiles of random images, half of them mirrored, with the heads in them."""
    height, width = setting.crop
    images, heads = [], []
    for _ in range(setting.batch_size):
        image, points = scenes[int(rng.integers(len(scenes)))]
        # Tiles, since crops from anywhere show the middle of a picture, where people are, more often than its rim.
        top = height * int(rng.integers(image.shape[0] // height))
        left = width * int(rng.integers(image.shape[1] // width))
        window, points = image[top : top + height, left : left + width], points - (left, top)
        points = points[((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(1)]
        if rng.random() < 0.5:
            window, points = window[:, ::-1], points * (-1, 1) + (width - 1, 0)
        images.append(np.ascontiguousarray(window))
        heads.append(torch.from_numpy(points))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), heads


@torch.no_grad()
def settle(model: Counter, batches: Sequence[torch.Tensor]) -> None:
    """Measure the statistics of batch norm anew, with equal weight on many batches.

    Those that training leaves are of the last few batches, and their luck would drown what the labels do (Wu and
    Johnson, "Rethinking 'Batch' in BatchNorm", 2021, call it precise BN).
    """
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.reset_running_stats()
        norm.momentum = None
    device = next(model.parameters()).device
    model.train()
    for images in batches:
        model(model.input_spec.normalise(images.to(device)))


def measured(model: Counter, crowds: Sequence[Crowd], noise: Noise) -> dict[str, float]:
    """Return the errors on images with all their heads; ``mae_with_known_share`` divides counts by the kept share."""
    scenes = [scaled(model, crowd) for crowd in crowds]
    maps = [predict_map(model, image)[0, 0].cpu().numpy() for image, _ in scenes]
    counts = np.array([float(density.sum(dtype=np.float64)) for density in maps])
    true = np.array([len(points) for _, points in scenes])
    shapes = [(image.shape[0], image.shape[1]) for image, _ in scenes]
    game = game_metrics(maps, [points for _, points in scenes], shapes, stride=model.stride, levels=(2,))
    return {
        "mae": float(np.abs(counts - true).mean()),
        "bias": float((counts - true).mean()),
        "game_2": game["game_2"],
        "mae_with_known_share": float(np.abs(counts / (1 - noise.missing) - true).mean()),
    }


def figures(runs: Runs, counter: str, noise: Noise) -> dict[str, Any]:
    """Return means with intervals, and by how much a counter differs from its baseline on the same seeds.

    ``damage`` is what the noise adds to a counter's own clean figure.
    """
    rows = runs[counter][noise]
    answer: dict[str, Any] = {name: interval([row[name] for row in rows.values()]) for name in MEASURES}
    base = ENTRANTS[counter].baseline
    for name in ("mae", "game_2"):
        damage = damages(runs, counter, noise, name)
        answer[f"damage_{name}"] = interval(list(damage.values()))
        if base is None or base not in runs:
            continue
        others, spared = runs[base][noise], damages(runs, base, noise, name)
        answer[f"{name}_less_baseline"] = interval([rows[n][name] - others[n][name] for n in rows if n in others])
        answer[f"damage_{name}_less_baseline"] = interval([damage[n] - spared[n] for n in damage if n in spared])
    return answer


def damages(runs: Runs, counter: str, noise: Noise, name: str) -> dict[int, float]:
    clean = runs[counter][CLEAN]
    return {seed: row[name] - clean[seed][name] for seed, row in runs[counter][noise].items() if seed in clean}


def interval(values: Sequence[float]) -> dict[str, Any]:
    """Return the number of values, their mean and its 95 % t interval, which two values are needed for."""
    from scipy import stats

    if len(values) < 2:
        return {"seeds": len(values), "mean": round(values[0], 4) if values else None, "low": None, "high": None}
    mean = float(np.mean(values))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"seeds": len(values), "mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def draw(counters: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw errors over jitter as curves and over missing heads as bars, both with intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4.2))
    for place, (counter, rows) in enumerate(counters.items()):
        colour = f"C{place}"
        jitters = [row for row in rows if not row["missing"]]
        for axis, name in zip(axes, ("mae", "game_2"), strict=False):
            means = [row[name]["mean"] for row in jitters]
            at = np.array([row["jitter"] for row in jitters]) + 0.25 * (place - (len(counters) - 1) / 2)
            axis.errorbar(at, means, _bars(jitters, name), marker="o", capsize=3, color=colour, label=counter)
        missing = [row for row in rows if not row["jitter"]]
        width = 0.8 / len(counters)
        at = np.arange(len(missing)) + width * (place - (len(counters) - 1) / 2)
        axes[2].bar(
            at, [row["mae"]["mean"] for row in missing], width, yerr=_bars(missing, "mae"), capsize=3, color=colour
        )
        axes[2].set_xticks(range(len(missing)), [f"{row['missing']:.0%}" for row in missing])
    for axis, title in zip(axes, ("MAE, people", "GAME(2), people", "MAE, people"), strict=True):
        axis.set_ylabel(title)
        axis.grid(axis="y", alpha=0.3)
        axis.set_ylim(bottom=0)
    for axis in axes[:2]:
        axis.set_xticks([noise.jitter for noise in JITTERS])
        axis.set_xlabel("jitter of the training heads, pixels")
    axes[2].set_xlabel("training heads left out")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _bars(rows: Sequence[Mapping[str, Any]], name: str) -> list[list[float]]:
    ends = [row[name] if row[name]["seeds"] > 1 else dict.fromkeys(("low", "mean", "high"), 0.0) for row in rows]
    return [[end["mean"] - end["low"] for end in ends], [end["high"] - end["mean"] for end in ends]]


if __name__ == "__main__":
    main()
