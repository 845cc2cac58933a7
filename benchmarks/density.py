"""Density maps against the ways they are customarily made, on one core.

    python benchmarks/density.py [--rounds 25] [--customary-rounds 1]

Crowds of 500, 1,500 and 3,000 heads in perspective on 768x1024 pixels. Before anything is timed the maps are compared:
an exact peer must agree to 1e-6 per pixel, an inexact one has its error printed. Ours and the peers then take turns in
one process; CPU times by medians, and the least, middle and greatest ratio of paired rounds, go to standard output and
to benchmarks/results/density.json.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.density.maps import adaptive_sigmas, density_map, density_maps

RESULTS = Path(__file__).parent / "results"
SIZES = (500, 1500, 3000)
HEIGHT, WIDTH = 768, 1024
SHAPE = HEIGHT, WIDTH
AGREEMENT = 1e-6
KNOTS = np.linspace(0, 20, 801)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--customary-rounds", type=int, default=1, help="of a filter per head, up to a minute each")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"machine": machine(), "load before": os.getloadavg()[0], "image": f"{HEIGHT}x{WIDTH}"}
    kernels = table_of_kernels()
    with tempfile.TemporaryDirectory() as folder:
        for heads in SIZES:
            points = crowd(heads)
            print(f"\n{heads} heads")
            figures[f"{heads} heads"] = {
                "adaptive, csrnet": adaptive(points, kernels, options.rounds, options.customary_rounds),
                "fixed sigma 4, csrnet": fixed(points, options.rounds),
                "c3": windows(points, options.rounds),
                "stride 8": coarse(points, Path(folder) / f"{heads}.h5", options.rounds),
                "mass, ours only": own(points, options.rounds),
            }
    figures["batch of 8 crops of 256x256, 30 heads each, stride 8, torch"] = batch(options.rounds)
    figures["load after"] = os.getloadavg()[0]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "density.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def machine() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{names[0].partition(':')[2].strip() if names else platform.machine()}, {os.cpu_count()} cores, one used"


def crowd(heads: int) -> np.ndarray:
    """Return (N, 2) head points of a crowd in perspective: the farther up in the picture, the denser."""
    random = np.random.default_rng(heads)
    rows = HEIGHT * (0.15 + 0.85 * random.uniform(0, 1, heads) ** 2.2)
    return np.column_stack([random.uniform(0, WIDTH, heads), np.minimum(rows, HEIGHT - 0.01)])


def dots(points: np.ndarray) -> np.ndarray:
    mask = np.zeros(SHAPE, np.float32)
    mask[points[:, 1].astype(int), points[:, 0].astype(int)] = 1
    return mask


def customary(points: np.ndarray) -> np.ndarray:
    """The preparation of CSRNet in its own words: a k-d tree of large leaves, and a filter of the image per head."""
    rows, columns = np.nonzero(dots(points))
    heads = np.column_stack([columns, rows])
    distances, _ = KDTree(heads, leafsize=2048).query(heads, k=4)
    density = np.zeros(SHAPE, np.float32)
    for (x, y), far in zip(heads, distances, strict=True):
        dot = np.zeros(SHAPE, np.float32)
        dot[y, x] = 1
        density += gaussian_filter(dot, 0.1 * (far[1] + far[2] + far[3]), mode="constant")
    return density


def table_of_kernels() -> list[np.ndarray]:
    kernels = []
    for sigma in KNOTS:
        radius = int(4 * sigma + 0.5)
        taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
        taps /= taps.sum()
        kernels.append(np.outer(taps, taps).astype(np.float32))
    return kernels


def cached_kernels(points: np.ndarray, kernels: list[np.ndarray]) -> np.ndarray:
    """Kernels made beforehand for 801 sigmas up to 20 pixels, added to slices of the map: the usual faster way."""
    rows, columns = np.nonzero(dots(points))
    heads = np.column_stack([columns, rows])
    distances, _ = KDTree(heads, leafsize=16).query(heads, k=4)
    nearest = np.minimum(np.rint(0.1 * distances[:, 1:].sum(1) * 40).astype(int), 800)
    density = np.zeros(SHAPE, np.float32)
    for (x, y), knot in zip(heads, nearest, strict=True):
        kernel = kernels[knot]
        radius = len(kernel) // 2
        top, bottom, left, right = max(0, y - radius), y + radius + 1, max(0, x - radius), x + radius + 1
        bottom, right = min(bottom, HEIGHT), min(right, WIDTH)
        part = kernel[top - y + radius : bottom - y + radius, left - x + radius : right - x + radius]
        density[top:bottom, left:right] += part
    return density


def c3(points: np.ndarray, kept: bool) -> np.ndarray:
    """Windows of 15 pixels in numpy; the kernel of an unclipped one is made for every head, as published, or kept."""
    whole = window(15, 15)
    density = np.zeros(SHAPE, np.float32)
    for x, y in points.astype(int):
        top, bottom, left, right = max(y - 7, 0), min(y + 8, HEIGHT), max(x - 7, 0), min(x + 8, WIDTH)
        inside = kept and bottom - top == 15 and right - left == 15
        density[top:bottom, left:right] += whole if inside else window(bottom - top, right - left)
    return density


def window(rows: int, columns: int) -> np.ndarray:
    down, across = np.mgrid[:rows, :columns]
    kernel = np.exp(-((down - (rows - 1) / 2) ** 2 + (across - (columns - 1) / 2) ** 2) / 32)
    return (kernel / kernel.sum()).astype(np.float32)


def race(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Any]:
    """Time ``ways`` in turn, the first of them ours, and return each one's CPU time and its ratio to ours."""
    names = list(ways)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            seconds[name].append(cpu_seconds(ways[name])[0])
    figures: dict[str, Any] = {}
    for name in names:
        ratios = [value / own for value, own in zip(seconds[name], seconds[names[0]], strict=True)]
        figures[name] = {"CPU ms": round(1e3 * statistics.median(seconds[name]), 3), "rounds": rounds}
        if name != names[0]:
            spread = min(ratios), statistics.median(ratios), max(ratios)
            figures[name]["ratio least, middle, greatest"] = [round(ratio, 2) for ratio in spread]
        print(f"  {name:42s} {figures[name]}")
    return figures


def agree(ours: np.ndarray, peer: np.ndarray, what: str) -> float:
    """Return the greatest difference per pixel, and end the benchmark where it is above 1e-6."""
    difference = float(np.abs(ours - peer).max())
    if difference > AGREEMENT:
        raise SystemExit(f"{what}: the maps differ by {difference:.1e} per pixel, so the times mean nothing")
    return difference


def adaptive(points: np.ndarray, kernels: list[np.ndarray], rounds: int, slow_rounds: int) -> dict[str, Any]:
    def ours() -> np.ndarray:
        return density_map(points, SHAPE, mode="csrnet")

    exact, slow, quick = ours(), [], []
    difference = 0.0
    for _ in range(slow_rounds):
        # after a minute of another's work the first calls of ours are cold, so the middle of many is taken
        quick.append(statistics.median(cpu_seconds(ours)[0] for _ in range(rounds)))
        taken, exact = cpu_seconds(lambda: customary(points))
        slow.append(taken)
        difference = agree(ours(), exact, "adaptive")
    ratios = [theirs / own for theirs, own in zip(slow, quick, strict=True)]
    figures = race({"csrnet": ours, "cached 2-D kernels": lambda: cached_kernels(points, kernels)}, rounds)
    cached = cached_kernels(points, kernels)
    figures["cached 2-D kernels"]["L1 error / heads"] = round(float(np.abs(cached - exact).sum()) / len(points), 5)
    figures["a filter of the image per head"] = {
        "CPU ms": round(1e3 * statistics.median(slow)),
        "rounds": slow_rounds,
        "ratio least, middle, greatest": [round(min(ratios)), round(statistics.median(ratios)), round(max(ratios))],
    }
    figures["greatest difference per pixel"] = difference
    print(f"  a filter of the image per head: {figures['a filter of the image per head']}, agreement {difference:.1e}")
    return figures


def cpu_seconds(way: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = way()
    return time.process_time() - started, result


def fixed(points: np.ndarray, rounds: int) -> dict[str, Any]:
    mask = dots(points)

    def blur() -> np.ndarray:
        return cv2.GaussianBlur(mask, (33, 33), 4, borderType=cv2.BORDER_REFLECT)

    ways = {"csrnet": lambda: density_map(points, SHAPE, sigma=4, mode="csrnet"), "cv2.GaussianBlur": blur}
    difference = agree(ways["csrnet"](), blur(), "fixed sigma")
    return race(ways, rounds) | {"greatest difference per pixel": difference}


def windows(points: np.ndarray, rounds: int) -> dict[str, Any]:
    ways = {
        "c3": lambda: density_map(points, SHAPE, mode="c3"),
        "numpy, a kernel per head": lambda: c3(points, kept=False),
        "numpy, one kernel kept": lambda: c3(points, kept=True),
    }
    difference = agree(ways["c3"](), ways["numpy, a kernel per head"](), "c3")
    return race(ways, rounds) | {"greatest difference per pixel": difference}


def coarse(points: np.ndarray, path: Path, rounds: int) -> dict[str, Any]:
    """Compare targets at stride 8: made from points, or the stored full map read and resized, which changes its sum."""
    full = density_map(points, SHAPE, mode="csrnet")
    with h5py.File(path, "w") as file:
        file["density"] = full

    def stored() -> np.ndarray:
        with h5py.File(path, "r") as file:
            density = np.asarray(file["density"])
        return cv2.resize(density, (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_CUBIC) * 64

    ways = {
        "csrnet": lambda: density_map(points, SHAPE, mode="csrnet", stride=8),
        "mass": lambda: density_map(points, SHAPE, stride=8),
        "HDF5 and cv2.resize": stored,
    }
    blocks = full.reshape(HEIGHT // 8, 8, WIDTH // 8, 8).sum((1, 3), dtype=np.float64)
    difference = float((np.abs(blocks - ways["csrnet"]()) / np.maximum(blocks, 1)).max())
    if difference > 2 * AGREEMENT:
        raise SystemExit(f"stride 8: the map differs from block sums by {difference:.1e}, so the times mean nothing")
    figures = race(ways, rounds)
    figures["HDF5 and cv2.resize"]["sum less the stored map's"] = round(float(stored().sum() - full.sum()), 3)
    return figures


def own(points: np.ndarray, rounds: int) -> dict[str, Any]:
    return race(
        {
            "adaptive": lambda: density_map(points, SHAPE),
            "sigma 4": lambda: density_map(points, SHAPE, sigma=4),
            "adaptive, stride 8": lambda: density_map(points, SHAPE, stride=8),
            "adaptive sigmas alone": lambda: adaptive_sigmas(points),
            "writing a map of zeros": lambda: np.zeros(SHAPE, np.float32).fill(0),
        },
        rounds,
    )


def batch(rounds: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    crops = [torch.from_numpy(random.uniform(0, 256, (30, 2))) for _ in range(8)]
    sigmas = [torch.full((30,), 6.0, dtype=torch.float64) for _ in crops]
    together = density_maps(crops, (256, 256), sigma=sigmas, stride=8)[:, 0].numpy()
    singly = np.stack([density_map(crop.numpy(), (256, 256), sigma=6.0, stride=8) for crop in crops])
    agree(together, singly, "batch")
    print("\nbatch of crops")
    return race(
        {
            "per head sigmas": lambda: density_maps(crops, (256, 256), sigma=sigmas, stride=8),
            "adaptive": lambda: density_maps(crops, (256, 256), stride=8),
        },
        rounds,
    )


if __name__ == "__main__":
    main()
