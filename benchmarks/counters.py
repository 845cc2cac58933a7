"""Parameters, GMAC and milliseconds of every counter: forward and training step, fp32 against bf16 and channels_last.

    python benchmarks/counters.py [--device cuda] [--height 768 --width 1024] [--batch 4] [--rounds 5]

The variants of a model run alternately in one process after their counts are compared with fp32's. The table goes to
standard output, the figures to benchmarks/results/counters-<device>.json. Needs torch, numpy, numba and h5py only.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.network import Counter, multiply_accumulates, parameter_count
from throng.counting.registry import FAMILIES, build

MODELS = sorted(name for names in FAMILIES.values() for name in names)
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Variant:
    """One way to run a network."""

    precision: str
    channels_last: bool

    @property
    def name(self) -> str:
        """Return precision and layout in one word."""
        return self.precision + ("+channels_last" if self.channels_last else "")


VARIANTS = [Variant(p, c) for p in ("fp32", "bf16") for c in (False, True)]


def prepared(variant: Variant, model: Counter, images: torch.Tensor) -> tuple[Counter, torch.Tensor]:
    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    return model.to(memory_format=layout), images.contiguous(memory_format=layout)  # pyright: ignore[reportCallIssue]


def forward_step(variant: Variant, model: Counter, images: torch.Tensor) -> Callable[[], torch.Tensor]:
    model, images = prepared(variant, model, images)

    @torch.no_grad()
    def run() -> torch.Tensor:
        model.eval()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=variant.precision == "bf16"):
            return model(images).sum((1, 2, 3))

    return run


def train_step(variant: Variant, model: Counter, images: torch.Tensor) -> Callable[[], torch.Tensor]:
    model, images = prepared(variant, model, images)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)

    def run() -> torch.Tensor:
        model.train()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=variant.precision == "bf16"):
            loss = (model(images) * model.target_scale).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return run


def milliseconds(run: Callable[[], torch.Tensor], device: str) -> float:
    started = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) * 1e3


def alternate(steps: dict[str, Callable[[], torch.Tensor]], device: str, rounds: int) -> dict[str, float]:
    for step in steps.values():
        milliseconds(step, device)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(milliseconds(step, device))
    return {name: statistics.median(values) for name, values in times.items()}


def copies(name: str, device: str) -> dict[Variant, Counter]:
    models = {}
    for variant in VARIANTS:
        torch.manual_seed(0)
        models[variant] = build(name)
        models[variant].set_initial_density(1e-2)
        models[variant].to(device)
    return models


def measure(name: str, arguments: argparse.Namespace) -> dict:
    device, size = arguments.device, (arguments.height, arguments.width)
    torch.manual_seed(1)
    images = torch.randn(arguments.batch, 3, *size, device=device)
    forwards = {v.name: forward_step(v, m, images) for v, m in copies(name, device).items()}
    counts = {variant: step() for variant, step in forwards.items()}
    shifts = {v: float(((c - counts["fp32"]).abs() / counts["fp32"].clamp(min=1)).max()) for v, c in counts.items()}
    worst = max(shifts.values())
    if worst > 0.02:
        raise SystemExit(f"{name}: a variant's count is {worst:.1%} away from fp32's, so its speed means nothing")
    forward = alternate(forwards, device, arguments.rounds)
    del forwards
    steps = {v.name: train_step(v, m, images) for v, m in copies(name, device).items()}
    training = alternate(steps, device, arguments.rounds)
    return {
        "model": name,
        "parameters": parameter_count(build(name)),
        "gmac": round(multiply_accumulates(build(name), *size) / 1e9, 2),
        "forward_ms_per_image": {v: round(t / arguments.batch, 3) for v, t in forward.items()},
        "train_ms_per_image": {v: round(t / arguments.batch, 3) for v, t in training.items()},
        "count_shift": {v: float(f"{s:.2g}") for v, s in shifts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    rows = []
    for name in arguments.models:
        rows.append(measure(name, arguments))
        row = rows[-1]
        print(f"{name}: {row['parameters']:,} parameters, {row['gmac']} GMAC at {arguments.height}x{arguments.width}")
        for kind in ("forward_ms_per_image", "train_ms_per_image"):
            times = row[kind]
            base = times["fp32"]
            print(f"  {kind}: " + ", ".join(f"{v} {t:.2f} ({base / t:.2f}x)" for v, t in times.items()), flush=True)
    cuda = arguments.device == "cuda"
    report = {
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "size": [arguments.height, arguments.width],
        "batch": arguments.batch,
        "rows": rows,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"counters-{arguments.device}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
