"""Inpainting a removal chain: connected areas on crops, reused along the chain, against whole images one by one.

    python benchmarks/remove.py [--people 30] [--scenes 4] [--rounds 5]

Ours and the peer (OpenCV's inpaint on the whole image at every level) run alternately in one process on one core on
drawn 1024x768 scenes, after their results are found to be identical; medians of the rounds and their ratios go to
standard output and to benchmarks/results/remove.json.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng import removers
from throng.removers import masks
from throng.removers.opencv import METHODS
from throng.removers.protocol import Request
from throng.removers.selection import chain
from throng.sections.remove import OpenCV
from throng.seeds import generator
from throng.tables.detections import Detection

RESULTS = Path(__file__).parent / "results"
HEIGHT, WIDTH = 768, 1024
Scene = tuple[np.ndarray, list[np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30, help="people in a scene")
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    scenes = [scene(number, options.people) for number in range(options.scenes)]
    figures: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "people": options.people}
    for config in (OpenCV(method="telea"), OpenCV(method="navier-stokes")):
        figures[config.method] = compare(config, scenes, options.rounds)
        print(config.method, figures[config.method])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "remove.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def scene(number: int, people: int) -> Scene:
    """Draw a textured image with people on a plane in perspective, and the masks of its removal chain."""
    random = generator(0, "benchmark", str(number))
    image = cv2.resize(random.integers(0, 256, (96, 128, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    section = OpenCV()
    feet = random.uniform(0.2 * HEIGHT, HEIGHT, people)
    tall = 0.05 * HEIGHT + 0.3 * feet
    left = random.uniform(0, WIDTH, people) - 0.2 * tall
    found = [
        Detection(x=x, y=y, w=w, h=h, score=1.0, mask=None)
        for x, y, w, h in np.stack([left, feet - tall, 0.41 * tall, tall], axis=1).tolist()
        if x + w > 1
    ]
    boxes = np.array([[person["x"], person["y"], person["w"], person["h"]] for person in found])
    levels = chain(boxes, section.kept, section.overlap, random)
    laid_out = masks.scene(
        found,
        HEIGHT,
        WIDTH,
        dilation_px=section.dilation_px,
        dilation_share=section.dilation_share,
        shadow_share=section.shadow_share,
    )
    covered = [laid_out.without(removed) for removed in levels]
    return image, [mask for mask in covered if mask.mean() <= section.max_masked]


def compare(config: OpenCV, scenes: list[Scene], rounds: int) -> dict[str, float]:
    """Time both ways in turn and return medians in milliseconds per edited image."""
    remover = removers.load(config)

    def ours() -> list[np.ndarray]:
        return remover.edit([Request("chain", image, mask, 0) for image, covered in scenes for mask in covered])

    def peer() -> list[np.ndarray]:
        flag = METHODS[config.method]
        return [
            cv2.inpaint(image, mask.astype(np.uint8), config.radius, flag)
            for image, covered in scenes
            for mask in covered
        ]

    if not all(np.array_equal(one, other) for one, other in zip(ours(), peer(), strict=True)):
        raise SystemExit(f"{config.method}: the two ways differ, so their times mean nothing")
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    edits = sum(len(covered) for _, covered in scenes)
    for _ in range(rounds):
        for name, way in (("ours", ours), ("peer", peer)):
            started = time.perf_counter()
            way()
            times[name].append((time.perf_counter() - started) / edits * 1000)
    median = {name: statistics.median(values) for name, values in times.items()}
    return {
        "edits": edits,
        "ours_ms": round(median["ours"], 1),
        "peer_ms": round(median["peer"], 1),
        "ratio": round(median["peer"] / median["ours"], 2),
    }


if __name__ == "__main__":
    main()
