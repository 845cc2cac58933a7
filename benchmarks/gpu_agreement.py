"""Does the GPU say what the CPU says? Density maps against the NumPy ones, counters' counts against the CPU's, and the
filtered leaky ReLU of both implementations, values and gradients, against the CPU's.

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
from throng.gan.filtered_lrelu import IMPLEMENTATIONS, filtered_lrelu
from throng.gan.filters import lowpass

HEIGHT, WIDTH = 768, 1024
MAP_BOUND = 1e-5
COUNT_BOUND = 1e-3
# root mean squares: a sample near zero may fall on either side of it
ACTIVATION_BOUNDS = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 3e-2}


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


def activation_agreement(implementation: str, dtype: torch.dtype, radial: bool) -> dict:
    torch.manual_seed(0)
    x, target = torch.randn(2, 8, 84, 84).to(dtype), torch.randn(2, 8, 148, 148).to(dtype)
    filters = lowpass(24, 16.1, 20.1, 256), lowpass(12, 22.6, 25.3, 256, radial=radial)

    def values_and_gradients(device: str, kind: torch.dtype, name: str) -> list[torch.Tensor]:
        images, bias = x.to(device, kind).requires_grad_(), torch.zeros(8, device=device, dtype=kind).requires_grad_()
        there = [each.to(device) for each in filters]
        y = filtered_lrelu(images, bias, *there, up=4, down=2, padding=(-2, -5, -2, -5), clamp=1.5, implementation=name)
        found = (y, *torch.autograd.grad(y, (images, bias), target.to(device, kind)))
        return [each.detach().cpu().double() for each in found]

    expected = values_and_gradients("cpu", torch.float64, "polyphase")
    found = values_and_gradients("cuda", dtype, implementation)
    difference = max(float((one - other).norm() / other.norm()) for one, other in zip(found, expected, strict=True))
    return {
        "check": f"filtered leaky ReLU, {implementation}, {dtype}, {'radial' if radial else 'separable'}",
        "max_difference": difference,
        "bound": ACTIVATION_BOUNDS[dtype],
        "agrees": difference <= ACTIVATION_BOUNDS[dtype],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    out = parser.parse_args().out
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    rows = [map_agreement(n, stride, adaptive) for n in (100, 1500) for stride in (1, 8) for adaptive in (False, True)]
    rows += [count_agreement(name) for names in FAMILIES.values() for name in names]
    rows += [
        activation_agreement(name, dtype, radial)
        for name in IMPLEMENTATIONS
        for dtype in ACTIVATION_BOUNDS
        for radial in (False, True)
    ]
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
