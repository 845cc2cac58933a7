"""Does the GPU say what the CPU says? Density maps against the NumPy ones, counters' counts against the CPU's.

    python benchmarks/gpu_agreement.py [--out FOLDER]

Exits with 1 when anything differs by more than its bound; figures and device time go to gpu-agreement.json.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.registry import FAMILIES, build
from throng.density.maps import density_map, density_maps

HEIGHT, WIDTH = 768, 1024
MAP_BOUND = 1e-5
COUNT_BOUND = 1e-3


def heads(number: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(0, WIDTH - 1, number), rng.uniform(0, HEIGHT - 1, number)])


def map_agreement(number: int, stride: int, adaptive: bool) -> dict:
    points = heads(number, number)
    sigma = "adaptive" if adaptive else 4.0
    ours = density_map(points, (HEIGHT, WIDTH), sigma=sigma, stride=stride)
    batch = [torch.from_numpy(points).cuda()] * 8
    maps = density_maps(batch, (HEIGHT, WIDTH), sigma=sigma, stride=stride)
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(10):
        density_maps(batch, (HEIGHT, WIDTH), sigma=sigma, stride=stride)
    end.record()
    torch.cuda.synchronize()
    difference = float(np.abs(maps[0, 0].cpu().numpy() - ours).max())
    lost = abs(float(maps[0].sum(dtype=torch.float64)) - number) / number
    return {
        "check": f"{'adaptive' if adaptive else 'fixed'} maps, {number} heads, stride {stride}",
        "max_difference": difference,
        "bound": MAP_BOUND,
        "mass_error": lost,
        "ms_per_map": start.elapsed_time(end) / 80,
        "agrees": difference <= MAP_BOUND and lost <= 1e-4,
    }


def count_agreement(name: str) -> dict:
    torch.manual_seed(0)
    model = build(name).eval()
    model.set_initial_density(1e-2)
    images = torch.randn(1, 3, 256, 320)
    with torch.no_grad():
        expected = float(model(images).sum())
        found = float(model.cuda()(images.cuda()).sum())
    difference = abs(found - expected) / max(1.0, abs(expected))
    return {
        "check": f"{name}: count of one image, CUDA against CPU, fp32",
        "max_difference": difference,
        "bound": COUNT_BOUND,
        "agrees": difference <= COUNT_BOUND,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    out = parser.parse_args().out
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    rows = [map_agreement(n, stride, adaptive) for n in (100, 1500) for stride in (1, 8) for adaptive in (False, True)]
    rows += [count_agreement(name) for names in FAMILIES.values() for name in names]
    for row in rows:
        time = f", {row['ms_per_map']:.3f} ms a map" if "ms_per_map" in row else ""
        print(f"{'ok ' if row['agrees'] else 'BAD'} {row['check']}: {row['max_difference']:.2g}{time}")
    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "rows": rows}
    out.mkdir(parents=True, exist_ok=True)
    (out / "gpu-agreement.json").write_text(json.dumps(report, indent=1) + "\n")
    if not all(row["agrees"] for row in rows):
        raise SystemExit("the GPU does not agree with the CPU; see above")


if __name__ == "__main__":
    main()
