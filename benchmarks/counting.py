"""How fast a counter counts: the setting chosen for each model against fp32, contiguous and eager.

    python benchmarks/counting.py [--models mcnn ...] [--settings chosen ...] [--rounds 3] [--data ShanghaiTech/part_B]
    python benchmarks/counting.py --device cuda --rounds 20 [--settings channels-last bf16 bf16-compiled]

Photographs of 768x1024: drawn ones, and with --data (or $THRONG_DATA/shanghaitech/part_B) real ones of the test split.
Weights are random or, with --weights NAME=FILE, trained. First the counts of both are compared, whole photographs from
pixels to count, and a setting that is off by more than 0.5 % ends the run. Then both run in turn in one process. A
CPU's figure is the CPU time of one thread, as other programs disturb it less than the clock's, a GPU's the wall time.
Medians, ratios of paired rounds and GMAC go to standard output and to counting.json or counting_<device>.json.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.fast import chosen, fast_counter
from throng.counting.inference import predict_count
from throng.counting.network import Counter, multiply_accumulates
from throng.counting.registry import build, load_counter
from throng.images import decode

RESULTS = Path(__file__).parent / "results"
HEIGHT, WIDTH = 768, 1024
MODELS = ("compact", "mcnn", "sanet-paper", "gaunet-sanet", "resnet50", "csrnet")
MOST_DIFFERENT = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0, ...")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--settings", nargs="+", default=["chosen"], help="of throng.counting.fast, or chosen")
    parser.add_argument(
        "--weights", nargs="*", default=[], metavar="NAME=FILE", help="trained counters by architecture"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=default_data(), help="ShanghaiTech part B")
    parser.add_argument("--images", type=int, default=3, help="of each kind, compared before the first is timed")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cuda = torch.device(options.device).type == "cuda"
    torch.backends.cudnn.benchmark = cuda
    trained = dict(pair.split("=", 1) for pair in options.weights)
    photographs = drawn(options.images) + real(options.data, options.images)
    place = torch.cuda.get_device_name(options.device).replace(" ", "_").lower() if cuda else None
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / ("counting.json" if place is None else f"counting_{place}.json")
    figures: dict[str, Any] = {"models": {}}
    if file.exists():  # a model at a time when the machine is free
        figures = json.loads(file.read_text())
    figures |= {"machine": place or platform.processor() or platform.machine(), "torch": torch.__version__}
    figures |= {"shape": [HEIGHT, WIDTH], "clock": "wall" if cuda else "CPU time of one thread"}
    for name in options.models:
        model = counter(name, trained.get(name)).to(options.device)
        gmac = multiply_accumulates(model, *model.input_spec.scaled_shape(HEIGHT, WIDTH)) / 1e9
        print(f"{name}: {gmac:.1f} GMAC, {'trained' if name in trained else 'random'} weights", flush=True)
        for wanted in options.settings:
            setting = chosen(model, options.device).setting if wanted == "chosen" else wanted
            made = against_eager(model, setting, photographs, options, cuda)
            entry = figures["models"].setdefault(name, {})
            entry["GMAC"] = round(gmac, 2)
            entry[setting] = made | {"weights": "trained" if name in trained else "random"}
            file.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def default_data() -> Path | None:
    found = Path(os.environ["THRONG_DATA"]) / "shanghaitech" / "part_B" if "THRONG_DATA" in os.environ else None
    return found if found and found.is_dir() else None


def drawn(number: int) -> list[np.ndarray]:
    """Return smooth pictures with sharp blobs: white noise would make every count the same."""
    import cv2

    pictures = []
    for seed in range(number):
        random = np.random.default_rng(seed)
        small = random.integers(40, 200, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        for x, y in random.integers(0, (WIDTH, HEIGHT), (40 * (seed + 1), 2)).tolist():
            cv2.circle(picture, (x, y), int(random.integers(3, 14)), random.integers(0, 256, 3).tolist(), -1)
        pictures.append(picture)
    return pictures


def real(data: Path | None, number: int) -> list[np.ndarray]:
    if data is None:
        return []
    files = sorted((data / "test_data" / "images").glob("*.jpg"))[:number]
    return [decode(file.read_bytes()) for file in files]


def counter(name: str, weights: str | None) -> Counter:
    if weights is not None:
        return load_counter(Path(weights))[0]
    torch.manual_seed(0)
    model = build(name).eval()
    # Fresh running statistics of batch norm let activations grow: learn them from one picture.
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        model(model.input_spec.normalise(torch.from_numpy(drawn(1)[0][::4, ::4].copy()).permute(2, 0, 1)[None]))
    return model.eval()


def against_eager(
    model: Counter, setting: Any, photographs: list[np.ndarray], options: argparse.Namespace, cuda: bool
) -> dict[str, Any]:
    fast, _ = fast_counter(model, options.device, setting)
    differences = []
    for photograph in photographs:
        expected, found = predict_count(model, photograph)[0], predict_count(fast, photograph)[0]
        differences.append(abs(found - expected) / max(abs(expected), 1.0))
    if not max(differences) <= MOST_DIFFERENT:
        raise SystemExit(f"{setting}: counts differ by {max(differences):.2%}: the times mean nothing")
    ways = {"eager": model, setting if setting != "eager" else "eager again": fast}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):  # what compares has warmed up
        for name, way in ways.items():
            started = clock(cuda)
            predict_count(way, photographs[0])
            seconds[name].append(clock(cuda) - started)
    eager, ours = seconds.values()
    ratios = [base / own for base, own in zip(eager, ours, strict=True)]
    figures = {
        "eager ms": round(1e3 * statistics.median(eager), 2),
        "ms": round(1e3 * statistics.median(ours), 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratio least": round(min(ratios), 2),
        "ratio most": round(max(ratios), 2),
        "relative count difference": float(f"{max(differences):.2g}"),
        "photographs compared": len(photographs),
    }
    print(f"  {setting}: {figures}", flush=True)
    return figures


def clock(cuda: bool) -> float:
    if cuda:
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


if __name__ == "__main__":
    main()
