"""The density field of a full-HD image: block by block in closed form, against a direct evaluation at every pixel.

    python benchmarks/density_kde.py [--rounds 5]

Crowds of 100, 400 and 1,000 people on the ground before a level camera, and one close to it, on one core. The direct
way evaluates every person's Gaussian on the ground at every pixel's centre, times the ground that the pixel shows, and
divides by the sum; with numpy a person at a time, and in one compiled loop that skips rows out of reach. Agreement is
checked first: the blocks may differ by half a percent of the people in all. The whole labeller (components, densities
at the people) is timed too. Medians of the rounds, taken in turn in one process, go to standard output and to
benchmarks/results/density_kde.json.
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.density import fixed, kde
from throng.density.crowd import Crowd
from throng.density.ground import Ground

RESULTS = Path(__file__).parent / "results"
CROWDS = {  # people, nearest and farthest in metres
    "100 people": (100, 9, 40),
    "400 people": (400, 9, 40),
    "1,000 people": (1000, 9, 40),
    "500 people within 14 m": (500, 8.6, 14),
}
SLOW = 100  # with more people numpy's turn comes only once
WIDTH, HEIGHT = 1920, 1080
GROUND = Ground(200.0, (WIDTH - 1) / 2, 5.0, 1500.0, (5.0, 5.0), (1500.0, 1500.0))
AGREEMENT = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    started = time.perf_counter()
    kde.field(crowd_of(10, 9, 40))
    first = time.perf_counter() - started
    print(f"first call, compilation or its cache included: {first:.2f} s")
    figures: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "first call s": round(first, 2)}
    for name, (people, nearest, farthest) in CROWDS.items():
        print(f"\n{name}")
        figures[name] = compare(crowd_of(people, nearest, farthest), options.rounds)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "density_kde.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def crowd_of(people: int, nearest: float, farthest: float) -> Crowd:
    """Return people uniform over a range of depths in metres and over the columns that the image shows there."""
    random = np.random.default_rng(people)
    depth = random.uniform(nearest, farthest, people)
    aside = random.uniform(-0.49, 0.49, people) * depth * WIDTH / GROUND.focal_px
    feet = GROUND.to_pixels(np.stack([aside, depth], 1))
    heights = 1.7 * GROUND.focal_px / depth
    heads = feet - np.stack([np.zeros(people), 0.93 * heights], 1)
    return Crowd(WIDTH, HEIGHT, people, heads, feet, heights, "full-boxes", GROUND)


def metres(crowd: Crowd) -> np.ndarray:
    assert crowd.feet is not None
    return GROUND.to_metres(crowd.feet)


def rows_of_pixels() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each row's depth in metres, ground per pixel in square metres, and each column's pixels from the axis."""
    rows = np.arange(HEIGHT, dtype=float)
    below = np.maximum(rows - GROUND.horizon, 1e-9)
    seen = rows - GROUND.horizon > 1
    depth = GROUND.focal_px * GROUND.camera_height_m / below
    return (
        depth,
        np.where(seen, GROUND.area_per_pixel(np.maximum(rows, GROUND.horizon + 1)), 0),
        np.arange(WIDTH) - GROUND.centre,
    )


def numpy_direct(crowd: Crowd) -> np.ndarray:
    depth, area, aside = rows_of_pixels()
    x = depth[:, None] * aside / GROUND.focal_px
    total = np.zeros((HEIGHT, WIDTH))
    for person_x, person_z in metres(crowd):
        mass = np.exp(-((x - person_x) ** 2 + (depth[:, None] - person_z) ** 2) / 2) * area[:, None]
        total += mass / mass.sum()
    return total


def compiled_direct(crowd: Crowd) -> np.ndarray:
    return _compiled(metres(crowd), *rows_of_pixels(), GROUND.focal_px)


@njit(cache=True)
def _compiled(places: np.ndarray, depth: np.ndarray, area: np.ndarray, aside: np.ndarray, focal: float) -> np.ndarray:
    total, mass = np.zeros((len(depth), len(aside))), np.zeros((len(depth), len(aside)))
    for i in range(len(places)):
        whole = 0.0
        for row in range(len(depth)):
            dz = depth[row] - places[i, 1]
            if abs(dz) > 4:
                continue
            for column in range(len(aside)):
                dx = aside[column] * depth[row] / focal - places[i, 0]
                value = math.exp(-(dx * dx + dz * dz) / 2) * area[row]
                mass[row, column] = value
                whole += value
        for row in range(len(depth)):
            if abs(depth[row] - places[i, 1]) <= 4:
                for column in range(len(aside)):
                    total[row, column] += mass[row, column] / whole
    return total


def in_blocks(pixels: np.ndarray, step: int) -> np.ndarray:
    high, wide = -(-HEIGHT // step), -(-WIDTH // step)
    padded = np.pad(pixels, [(0, high * step - HEIGHT), (0, wide * step - WIDTH)])
    return padded.reshape(high, step, wide, step).sum((1, 3))


def compare(crowd: Crowd, rounds: int) -> dict[str, Any]:
    people = len(metres(crowd))
    ours = kde.field(crowd)
    apart = {
        name: float(np.abs(in_blocks(way(crowd), ours.step) - ours.people).sum() / people)
        for name, way in (("numpy", numpy_direct), ("compiled", compiled_direct))
    }
    if max(apart.values()) > AGREEMENT:
        raise SystemExit(f"{people} people: the fields differ by {apart} of the people, so the times mean nothing")
    ways: dict[str, Callable[[Crowd], Any]] = {
        "field": kde.field,
        "labeller kde": lambda crowd: fixed.measure("kde", crowd, None),
        "compiled direct": compiled_direct,
        "numpy direct": numpy_direct,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            if name == "numpy direct" and turn > 0 and people > SLOW:
                continue
            started = time.process_time()
            way(crowd)
            seconds[name].append(time.process_time() - started)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    lost = abs(float(ours.people.sum(dtype=float)) - people) / people
    figures = {
        "block px": ours.step,
        "differs by, share of the people": {name: round(value, 5) for name, value in apart.items()},
        "integral off by, share": round(lost, 8),
        **{
            name: {"CPU ms": round(1e3 * value, 2), "over field": round(value / middle["field"], 1)}
            for name, value in middle.items()
        },
    }
    for name, value in figures.items():
        print(f"  {name:34s} {value}")
    return figures


if __name__ == "__main__":
    main()
