"""Crops per second from photographs, and how long a training loop waits for them, against the customary loader.

    python benchmarks/loader.py --data ShanghaiTech/part_B [--images 80] [--rounds 15] [--steps 30]

Random mirrored crops of 384x512 pixels at full size with their density at stride 8, one thread. The customary way is
that of the C^3 framework's and CSRNet's loaders: PIL decodes the photograph, h5py reads its stored density map, both
are cut, and PIL resizes the map by 1/8 and multiplies it by 64. Ours keeps points: nothing is stored, and the density
map is made of what is in the crop (here on the CPU too). Before anything is timed pixels, counts of photographs and
counts in equal windows are compared. The loaders take turns in one process; medians of CPU time and the least, middle
and greatest ratio of paired rounds, and the share of wall time that a consumer of 5, 20 and 100 ms a step waits, go
to standard output and to benchmarks/results/loader.json. A consumer sleeps, as a loop does while a GPU works.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch
from PIL import Image
from scipy.io import loadmat

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.crops import Crops
from throng.counting.inputs import InputSpec
from throng.counting.options import CounterOptions
from throng.counting.samples import Sample, SampleCache
from throng.density.maps import density_map, density_maps
from throng.images import decode
from throng.training import Prefetched

RESULTS = Path(__file__).parent / "results"
CROP, STRIDE, BATCH, SIGMA = (384, 512), 8, 4, 15.0
STEP_MILLISECONDS, WORKERS = (5, 20, 100), (1, 2)
MOST_PIXEL_DIFFERENCE, MOST_COUNT_DIFFERENCE, MOST_WINDOW_DIFFERENCE = 1.0, 0.01, 0.02


@dataclass(frozen=True)
class Photograph:
    """A JPEG, its head points (N, 2) in 0-based pixels, and its stored density map."""

    jpeg: Path
    points: np.ndarray
    stored: Path


class Photographs:
    """What ours learns from: file bytes and points."""

    def __init__(self, photographs: Sequence[Photograph]) -> None:
        self._photographs = photographs

    def __len__(self) -> int:
        return len(self._photographs)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self._photographs[index].jpeg.read_bytes(), self._photographs[index].points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder part_B")
    parser.add_argument("--images", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=30, help="of a consumer")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        photographs = stored(options.data, Path(folder), options.images)
        figures: dict[str, Any] = {
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load before": round(os.getloadavg()[0], 1),
            "photographs": len(photographs),
            "crop": list(CROP),
            "agreement": agreement(photographs),
        }
        figures["crops"] = crops_per_second(photographs, options.rounds)
        figures["wait share"] = wait_shares(photographs, options.steps)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "loader.json").write_text(json.dumps(figures, indent=1) + "\n")


def stored(data: Path, folder: Path, number: int) -> list[Photograph]:
    photographs = []
    for jpeg in sorted((data / "train_data" / "images").glob("*.jpg"))[:number]:
        labels = data / "train_data" / "ground-truth" / f"GT_{jpeg.stem}.mat"
        points = loadmat(labels)["image_info"][0, 0][0, 0][0] - 1.0
        height, width = decode(jpeg.read_bytes()).shape[:2]
        path = folder / f"{jpeg.stem}.h5"
        with h5py.File(path, "w") as file:
            file["density"] = density_map(points, (height, width), sigma=SIGMA, mode="csrnet")
        photographs.append(Photograph(jpeg, points, path))
    return photographs


def read_customarily(photograph: Photograph) -> tuple[Image.Image, Image.Image]:
    with h5py.File(photograph.stored) as file:
        density = np.asarray(file["density"], np.float32)
    return Image.open(photograph.jpeg).convert("RGB"), Image.fromarray(density)


def customary_batch(photographs: Sequence[Photograph], number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (B, 3, H, W) uint8 pixels and (B, H / 8, W / 8) density maps."""
    rng = np.random.default_rng([0, 1, number])
    images, maps = [], []
    for offset in range(BATCH):
        image, density = read_customarily(photographs[(number * BATCH + offset) % len(photographs)])
        left, top = (int(rng.integers(0, own - side + 1)) for own, side in zip(image.size, CROP[::-1], strict=True))
        box = left, top, left + CROP[1], top + CROP[0]
        image, density = image.crop(box), density.crop(box)
        if rng.random() < 0.5:
            image, density = (picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for picture in (image, density))
        density = density.resize((CROP[1] // STRIDE, CROP[0] // STRIDE), Image.Resampling.BICUBIC)
        images.append(np.asarray(image))
        maps.append(np.asarray(density) * STRIDE**2)
    return np.stack(images).transpose(0, 3, 1, 2), np.stack(maps)


def agreement(photographs: Sequence[Photograph]) -> dict[str, float]:
    """Compare what both ways learn from; ends the program where they differ."""
    rng = np.random.default_rng(0)
    pixels, counts, ours_in_windows, stored_in_windows = 0.0, 0.0, 0.0, 0.0
    for photograph in photographs:
        image, density = read_customarily(photograph)
        differences = np.asarray(image).astype(int) - decode(photograph.jpeg.read_bytes())
        pixels = max(pixels, float(np.abs(differences).mean()))
        values = np.asarray(density)
        counts = max(counts, abs(float(values.sum(dtype=np.float64)) / len(photograph.points) - 1))
        for _ in range(8):
            top, left = (int(rng.integers(0, own - side + 1)) for own, side in zip(values.shape, CROP, strict=True))
            moved = photograph.points - (left, top)
            ours_in_windows += int(((moved >= -0.5) & (moved < (CROP[1] - 0.5, CROP[0] - 0.5))).all(1).sum())
            stored_in_windows += float(values[top : top + CROP[0], left : left + CROP[1]].sum(dtype=np.float64))
    figures = {
        "mean pixel difference of the worst photograph, grey levels": round(pixels, 4),
        "largest difference of a photograph's count, share": round(counts, 6),
        "difference of the counts of equal windows, share of all people": round(
            stored_in_windows / ours_in_windows - 1, 5
        ),
    }
    limits = MOST_PIXEL_DIFFERENCE, MOST_COUNT_DIFFERENCE, MOST_WINDOW_DIFFERENCE
    for (name, value), most in zip(figures.items(), limits, strict=True):
        print(f"{name}: {value} (at most {most})")
        if abs(value) > most:
            raise SystemExit("the loaders do not learn from the same thing: nothing was timed")
    return figures


def ours(photographs: Sequence[Photograph], gigabytes: float, **changes: float) -> Crops:
    options = CounterOptions(crop=CROP, batch_size=BATCH, sigma=SIGMA, **changes)
    crops = Crops(SampleCache(Photographs(photographs), InputSpec(), gigabytes, SIGMA), options)
    if gigabytes:
        for number in range(len(photographs) // BATCH + 1):
            crops(number)
    return crops


def with_maps(crops: Crops) -> Callable[[int], Any]:
    def made(number: int) -> torch.Tensor:
        batch = crops(number)
        points = [heads for heads in batch.points if heads is not None]
        return density_maps(points, CROP, sigma=list(batch.sigmas), stride=STRIDE)

    return made


def loaders(photographs: Sequence[Photograph]) -> dict[str, Callable[[int], Any]]:
    cached, uncached = ours(photographs, 8.0), ours(photographs, 0.0)
    return {
        "customary": lambda number: customary_batch(photographs, number),
        "ours, decoding each time": with_maps(uncached),
        "ours, cached": with_maps(cached),
        "ours, cached, points only": cached,
        "ours, cached, all changes, points only": ours(
            photographs, 8.0, scale_jitter=0.3, jitter=0.3, gamma=0.3, grey=0.2
        ),
    }


def crops_per_second(photographs: Sequence[Photograph], rounds: int) -> dict[str, Any]:
    ways = loaders(photographs)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        for name, batch_at in ways.items():
            started = time.process_time()
            batch_at(number + 1)
            if number >= 0:
                seconds[name].append(time.process_time() - started)
    figures = {}
    for name, times in seconds.items():
        ratios = sorted(other / own for other, own in zip(seconds["customary"], times, strict=True))
        figures[name] = {
            "crops per second and core": round(BATCH / statistics.median(times), 1),
            "milliseconds of CPU per crop": round(1e3 * statistics.median(times) / BATCH, 3),
            "times as fast as customary, least, middle, greatest": [
                round(ratio, 2) for ratio in (ratios[0], statistics.median(ratios), ratios[-1])
            ],
        }
        print(f"{name:40s} {figures[name]}")
    return figures


def wait_shares(photographs: Sequence[Photograph], steps: int) -> dict[str, Any]:
    ways = {name: way for name, way in loaders(photographs).items() if not name.endswith("points only")}
    figures: dict[str, Any] = {}
    for workers in WORKERS:
        for milliseconds in STEP_MILLISECONDS:
            key = f"{milliseconds} ms a step of {BATCH} crops, {workers} workers"
            figures[key] = {name: waited(way, workers, milliseconds, steps) for name, way in ways.items()}
            print(key, figures[key])
    return figures


def waited(batch_at: Callable[[int], Any], workers: int, milliseconds: int, steps: int) -> float:
    """Return the share of wall time that a consumer waits, the first batch apart."""
    batches = Prefetched(batch_at, iter(range(steps + 1)), workers)
    next(batches)
    before, started = batches.waited, time.monotonic()
    for _ in batches:
        time.sleep(milliseconds / 1e3)
    return round((batches.waited - before) / (time.monotonic() - started), 3)


if __name__ == "__main__":
    main()
