"""Train a counter on ShanghaiTech part B within a time budget and measure it on the whole test split.

    python benchmarks/train_shanghaitech.py pack --data ShanghaiTech/part_B --to FOLDER [--quality 80]
    python benchmarks/train_shanghaitech.py train --data FOLDER --checkpoint WORK --out OUT --minutes 20 \
        [--call-minutes 9] [--set '{"model": "sanet-paper", "batch_size": 16}']

``pack`` writes train/*.jpg, test/*.jpg and points.json (x, y in 0-based pixels), with --quality re-encoded to
travel light; ``train`` needs no .mat reader, and measures nothing when the test split was left behind. Validation is 40
photographs of the training split; the test split is counted once, at the end. The number of steps is set from the
measured speed of the first steps and then kept beside the checkpoint, so that a run that is stopped (--call-minutes,
a signal, kill -9) and started again ends as it would have.
Exit status 3: stopped, run again.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.inference import Scheme, predict_count
from throng.counting.network import Counter
from throng.counting.options import CounterOptions
from throng.counting.registry import save_counter
from throng.counting.samples import Sample
from throng.counting.train import train_counter
from throng.evaluation.counted import Counted
from throng.evaluation.metrics import bin_errors, count_metrics, mae_interval, mean_predictor
from throng.evaluation.plots import bin_plot, scatter_plot, training_plot
from throng.images import decode, encode_jpeg
from throng.training import TrainingStoppedError

VALIDATION_IMAGES = 40
TRIAL_STEPS = (20, 60, 180)
GPU_OPTIONS = CounterOptions(
    model="sanet-paper",
    crop=(384, 512),
    batch_size=16,
    learning_rate=1e-3,
    weight_decay=1e-4,
    warmup_steps=200,
    ema_decay=0.999,
    precision="bf16",
    channels_last=True,
    val_every=200,
    log_every=50,
    collapse_steps=1000,
)


def pack(data: Path, to: Path, quality: int | None, splits: list[str]) -> None:
    from scipy.io import loadmat

    points = {}
    for split in splits:
        (to / split).mkdir(parents=True, exist_ok=True)
        folder = data / f"{split}_data"
        labels = next(p for p in (folder / "ground-truth", folder / "ground_truth") if p.exists())
        for path in sorted((folder / "images").glob("*.jpg")):
            target = to / split / path.name
            if quality is None:
                shutil.copyfile(path, target)
            else:
                target.write_bytes(encode_jpeg(decode(path.read_bytes()), quality))
            info = loadmat(labels / f"GT_{path.stem}.mat")["image_info"][0, 0][0, 0][0]
            points[f"{split}/{path.name}"] = (np.round(info - 1.0, 2)).tolist()
    (to / "points.json").write_text(json.dumps(points, sort_keys=True))
    size = sum(p.stat().st_size for p in to.rglob("*") if p.is_file())
    print(f"{len(points)} photographs, {size / 2**20:.1f} MiB in {to}")


def read(data: Path, split: str) -> list[Sample]:
    points = json.loads((data / "points.json").read_text())
    names = sorted(name for name in points if name.startswith(f"{split}/"))
    return [Sample((data / name).read_bytes(), np.asarray(points[name]).reshape(-1, 2)) for name in names]


def split_validation(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    order = np.random.default_rng(0).permutation(len(samples))
    return [samples[i] for i in order[VALIDATION_IMAGES:]], [samples[i] for i in order[:VALIDATION_IMAGES]]


def planned(options: CounterOptions, arguments: argparse.Namespace, train: list, val: list) -> CounterOptions:
    """Fix the number of steps: read from an earlier start, else from the time that a short trial takes."""
    plan = arguments.checkpoint / "plan.json"
    if plan.exists():
        steps = json.loads(plan.read_text())["steps"]
        return replace(options, steps=steps)
    trial = arguments.checkpoint / "trial"
    seconds = []
    # The first run pays for compilation and algorithm search; the other two differ in their steps alone.
    for steps in TRIAL_STEPS:
        shutil.rmtree(trial, ignore_errors=True)
        short = replace(options, steps=steps, val_every=0, warmup_steps=0, log_every=steps, collapse_steps=0)
        started = time.monotonic()
        train_counter(train[:64], val[:8], short, trial, arguments.device, workers=arguments.workers)
        seconds.append(time.monotonic() - started)
    shutil.rmtree(trial)
    _, short_steps, long_steps = TRIAL_STEPS
    pace = max((seconds[2] - seconds[1]) / (long_steps - short_steps), 0.25 * seconds[2] / long_steps)
    # Every validation of 40 whole photographs costs about as much as 20 steps of 16 quarter crops do.
    steps = int(arguments.minutes * 60 / (pace * 1.15))
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps({"steps": steps, "trial_seconds_per_step": round(pace, 4)}))
    print(f"{pace * 1e3:.1f} ms a step: {steps} steps in {arguments.minutes} minutes", file=sys.stderr)
    return replace(options, steps=steps)


def measured(model: Counter, test: list[Sample], train_counts: list[int], scheme: Scheme) -> tuple[dict, list]:
    truth = [len(sample.points) for sample in test]
    counts = [predict_count(model, decode(bytes(sample.image)), scheme=scheme)[0] for sample in test]
    return {
        **count_metrics(counts, truth),
        "mae_interval_95": mae_interval(counts, truth),
        "bins": [asdict(b) for b in bin_errors(counts, truth)],
        "mean_predictor": mean_predictor(train_counts, truth),
    }, counts


def train(arguments: argparse.Namespace) -> None:
    torch.backends.cudnn.benchmark = True
    timer = threading.Timer(arguments.call_minutes * 60, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    if arguments.call_minutes:
        timer.start()
    everything, test = read(arguments.data, "train"), read(arguments.data, "test")
    samples, val = split_validation(everything)
    if arguments.train_images:
        samples = samples[: arguments.train_images]
    base = GPU_OPTIONS if arguments.device == "cuda" else replace(GPU_OPTIONS, precision="fp32", channels_last=False)
    options = replace(base, **json.loads(arguments.set))
    options = replace(options, crop=tuple(options.crop))
    started = time.monotonic()
    try:
        if "steps" not in json.loads(arguments.set):
            options = planned(options, arguments, samples, val)
        model, recipe, history = train_counter(
            samples, val, options, arguments.checkpoint / "run", arguments.device, workers=arguments.workers
        )
    except TrainingStoppedError as stopped:
        print(stopped, file=sys.stderr)
        raise SystemExit(3) from stopped
    seconds = time.monotonic() - started
    timer.cancel()
    model.to(arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    train_counts = [len(sample.points) for sample in samples]
    report = {
        "test": {},
        "hardware": torch.cuda.get_device_name() if arguments.device == "cuda" else platform.machine(),
        "torch": torch.__version__,
        "last_call_seconds": round(seconds, 1),
        "recipe": recipe,
    }
    schemes: tuple[Scheme, Scheme] = ("whole", "patches")
    for scheme in schemes if test else ():
        figures, counts = measured(model, test, train_counts, scheme)
        report["test"][scheme] = figures
        truth = np.array([len(sample.points) for sample in test], np.float64)
        shown = Counted(f"{options.model}, part B, {scheme}", ("seed-1",), truth, np.array([counts]))
        (arguments.out / f"scatter-{scheme}.png").write_bytes(scatter_plot([shown]))
        (arguments.out / f"bins-{scheme}.png").write_bytes(bin_plot([(shown.name, figures["bins"])]))
    (arguments.out / "training.png").write_bytes(training_plot([(options.model, history)]))
    (arguments.out / "metrics.json").write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    save_counter(arguments.out / "counter.safetensors", model, recipe)
    for scheme, figures in report["test"].items():
        print(
            f"{scheme}: MAE {figures['mae']:.2f} RMSE {figures['rmse']:.2f} on {figures['images']} test photographs; "
            f"mean predictor MAE {figures['mean_predictor']['mae']:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("--data", type=Path, required=True)
    packing.add_argument("--to", type=Path, required=True)
    packing.add_argument("--quality", type=int, default=None)
    packing.add_argument("--splits", nargs="+", default=["train", "test"], choices=["train", "test"])
    training = commands.add_parser("train")
    training.add_argument("--data", type=Path, required=True)
    training.add_argument("--checkpoint", type=Path, required=True)
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--minutes", type=float, default=20.0)
    training.add_argument("--call-minutes", type=float, default=0.0)
    training.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    training.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    training.add_argument("--train-images", type=int, default=0)
    training.add_argument("--set", default="{}", help="CounterOptions as JSON")
    arguments = parser.parse_args()
    if arguments.command == "pack":
        pack(arguments.data, arguments.to, arguments.quality, arguments.splits)
    else:
        train(arguments)


if __name__ == "__main__":
    main()
