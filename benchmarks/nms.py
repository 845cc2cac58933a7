"""Greedy suppression: our sweep against the textbook's procedure in numpy, and two libraries for information.

    python benchmarks/nms.py [--rounds 15]

Crowds of 1,000 and 8,000 boxes at the size of people in perspective, three detections around each person as overlapping
slices give them, on one core. The keep sets are compared first: ours must equal numpy's. Medians of the rounds, taken
in turn in one process, and the ratios of paired rounds go to standard output and to benchmarks/results/nms.json.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torchvision

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.detectors.suppression import suppress

RESULTS = Path(__file__).parent / "results"
SIZES = (1000, 8000)
IOU = 0.5
DETECTIONS_EACH = 3
HEIGHT, WIDTH = 768, 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    started = time.perf_counter()
    suppress(*crowd(10), IOU)
    first = time.perf_counter() - started
    print(f"first call, compilation included: {first:.2f} s")
    figures: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "first call s": round(first, 2)}
    for boxes in SIZES:
        figures[f"{boxes} boxes"] = compare(boxes, options.rounds)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "nms.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def crowd(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, 4) float64 corners and (N,) scores of people on a plane in perspective, each found several times."""
    random = np.random.default_rng(count)
    people = -(-count // DETECTIONS_EACH)
    feet = np.repeat(random.uniform(0.1 * HEIGHT, HEIGHT, people), DETECTIONS_EACH)[:count]
    middle = np.repeat(random.uniform(0, WIDTH, people), DETECTIONS_EACH)[:count]
    tall = 8 + 0.25 * feet
    centre = np.stack([middle, feet - tall / 2], axis=1) + random.normal(0, 0.04, (count, 2)) * tall[:, None]
    half = np.stack([0.41 * tall, tall], axis=1) / 2 * random.lognormal(0, 0.08, (count, 2))
    return np.concatenate([centre - half, centre + half], axis=1), random.uniform(0.3, 1, count)


def numpy_greedy(boxes: np.ndarray, scores: np.ndarray, iou: float) -> np.ndarray:
    """The textbook's procedure, every step against all that is left at once."""
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    left = np.argsort(-scores, kind="stable")
    kept = []
    while left.size:
        best, rest = left[0], left[1:]
        kept.append(best)
        wide = np.maximum(np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]), 0)
        high = np.maximum(np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]), 0)
        both = wide * high
        left = rest[both / (areas[best] + areas[rest] - both) <= iou]
    return np.array(kept)


def compare(count: int, rounds: int) -> dict[str, Any]:
    boxes, scores = crowd(count)
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    box_tensor, score_tensor = torch.from_numpy(boxes), torch.from_numpy(scores)
    ways: dict[str, Callable[[], Any]] = {
        "ours": lambda: suppress(boxes, scores, IOU),
        "numpy greedy": lambda: numpy_greedy(boxes, scores, IOU),
        "torchvision": lambda: torchvision.ops.nms(box_tensor, score_tensor, IOU).numpy(),
        "cv2.dnn.NMSBoxes": lambda: np.asarray(cv2.dnn.NMSBoxes(sides, scores, 0.0, IOU)),
    }
    kept = {name: way().tolist() for name, way in ways.items()}
    if kept["ours"] != kept["numpy greedy"]:
        raise SystemExit(f"{count} boxes: ours keeps others than numpy, so the times mean nothing")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            way()
            seconds[name].append(time.process_time() - started)
    print(f"\n{count} boxes, {len(kept['ours'])} kept")
    figures: dict[str, Any] = {"kept": len(kept["ours"])}
    for name, values in seconds.items():
        ratios = [value / own for value, own in zip(values, seconds["ours"], strict=True)]
        figures[name] = {
            "CPU ms": round(1e3 * statistics.median(values), 3),
            "ratio": round(statistics.median(ratios), 1),
            "ratio least": round(min(ratios), 1),
            "boxes kept by one only": len(set(kept[name]) ^ set(kept["ours"])),
        }
        print(f"  {name:18s} {figures[name]}")
    return figures


if __name__ == "__main__":
    main()
