"""Inpainting a removal chain, each level from the one before: a frame about the mask against the whole image.

    python benchmarks/remove.py [--people 30] [--scenes 4] [--rounds 5]

Ours and the peer (OpenCV's inpaint on the whole image) fill where each level's mask grows, alternately in one process
on one core on drawn 1024x768 scenes, after their results are found to be identical; medians of the rounds and their
ratios go to standard output and to benchmarks/results/remove.json, and the time to find places for shams beside them.
"""

import argparse
import itertools
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng import removers
from throng.removers import masks, sham
from throng.removers.opencv import METHODS
from throng.removers.protocol import Request
from throng.removers.selection import chain
from throng.sections.remove import OpenCV
from throng.seeds import generator
from throng.tables.detections import Detection

RESULTS = Path(__file__).parent / "results"
HEIGHT, WIDTH = 768, 1024
Scene = tuple[np.ndarray, list[np.ndarray], masks.Scene, list[list[int]]]


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
    figures["shams"] = places(scenes, options.rounds)
    print("shams", figures["shams"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "remove.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def scene(number: int, people: int) -> Scene:
    """Draw a textured image with people on a plane in perspective, and by how much each level's mask grows."""
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
    used = [mask for mask in covered if mask.mean() <= section.max_masked]
    return (
        image,
        [mask & ~before for before, mask in itertools.pairwise([np.zeros_like(used[0]), *used])],
        laid_out,
        levels,
    )


def compare(config: OpenCV, scenes: list[Scene], rounds: int) -> dict[str, float]:
    """Time both ways in turn and return medians in milliseconds per edited image."""
    remover = removers.load(config, None)
    flag = METHODS[config.method]

    def in_frame(image: np.ndarray, growth: np.ndarray) -> np.ndarray:
        (edited,) = remover.edit([Request("chain", image, growth, 0)])
        assert isinstance(edited, np.ndarray)
        return edited

    def whole(image: np.ndarray, growth: np.ndarray) -> np.ndarray:
        return cv2.inpaint(image, growth.astype(np.uint8), config.radius, flag)

    def ours() -> list[np.ndarray]:
        return [edited for one in scenes for edited in levels_of(one, in_frame)]

    def peer() -> list[np.ndarray]:
        return [edited for one in scenes for edited in levels_of(one, whole)]

    if not all(np.array_equal(one, other) for one, other in zip(ours(), peer(), strict=True)):
        raise SystemExit(f"{config.method}: the two ways differ, so their times mean nothing")
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    edits = sum(len(growths) for _, growths, _, _ in scenes)
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


def levels_of(one: Scene, fill: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """Return a scene's chain, each level filled from the one before."""
    image, growths, _, _ = one
    made = [image]
    for growth in growths:
        made.append(fill(made[-1], growth))
    return made[1:]


def places(scenes: list[Scene], rounds: int) -> dict[str, float]:
    """Time the search for places of the shams of all levels; medians in milliseconds per sham."""
    times: list[float] = []
    found = searched = 0
    for _ in range(rounds):
        started = time.perf_counter()
        moved = [
            sham.move(laid_out, removed, generator(0, "benchmark", f"{number} {level}"))
            for number, (_, _, laid_out, levels) in enumerate(scenes)
            for level, removed in enumerate(levels)
        ]
        searched, found = len(moved), sum(one is not None for one in moved)
        times.append((time.perf_counter() - started) / searched * 1000)
    return {"searched": searched, "found": found, "ms": round(statistics.median(times), 1)}


if __name__ == "__main__":
    main()
