"""GauConv2d: displaced Gaussians by separable shifts against direct 17x17 kernels, and whole layers against 3x3.

    python benchmarks/gauconv.py [--device cuda] [--rounds 7]

First, eight displaced Gaussians of 64 channels: one depthwise convolution by 17x17 kernels per unit (the faster of both
memory layouts) against the layer's own blur and shifts, exact and bilinear, each against kernels of its own definition.
Then forward and backward of whole layers, 64 to 64 channels and eight units, against a 3x3 convolution at 96x128, on a
GPU the fused kernel as well. Results are compared in float32 before anything is timed, with TF32 as PyTorch has it by
default in its convolutions; ways run alternately in one process.
Medians and ratios go to standard output and to benchmarks/results/gauconv-<device>.json.
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

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.layers import GauConv2d, LowRank, shifting, taps

RESULTS = Path(__file__).parent / "results"
CHANNELS, UNITS, HEIGHT, WIDTH = 64, 8, 96, 128
SIZE, SIGMA = 17, 0.5
Step = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, default=None, help="default: 8 on a GPU, 1 on a CPU")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.manual_seed(0)
    batch = options.batch or (8 if options.device == "cuda" else 1)
    images = torch.randn(batch, CHANNELS, HEIGHT, WIDTH, device=options.device)
    torch.backends.cudnn.benchmark = True
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if options.device == "cuda" else platform.machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "input": [batch, CHANNELS, HEIGHT, WIDTH],
        "units": UNITS,
        "depthwise": {kind: depthwise(kind, images, options.rounds) for kind in ("exact", "bilinear")},
        "layers": layers(images, options.rounds),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"gauconv-{options.device}.json"
    path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    print(path)


def depthwise(kind: str, images: torch.Tensor, rounds: int) -> dict[str, Any]:
    """Return the milliseconds of eight displaced Gaussians of every channel, directly and by the layer's shifts."""
    half = SIZE // 2
    # Where a kernel of 17 pixels holds all of a Gaussian or of its bilinear reading.
    means = torch.empty(2, UNITS, device=images.device).uniform_(-half + 3, half - 4)
    sigma, positions = torch.tensor(SIGMA, device=images.device), torch.arange(-half, half + 1, device=images.device)
    if kind == "exact":
        across, down = taps.gaussian_taps(means, sigma, positions)
    else:
        centred = taps.gaussian_taps(torch.zeros_like(sigma), sigma, torch.arange(-3, 4, device=images.device))
        reading = taps.linear_taps(means, positions).reshape(-1, 1, SIZE)
        across, down = functional.conv1d(reading, centred[None, None], padding=3).reshape(2, UNITS, SIZE)
    kernels = (down[:, :, None] * across[:, None, :]).repeat(CHANNELS, 1, 1)[:, None]
    last = images.contiguous(memory_format=torch.channels_last)
    ways: dict[str, Step] = {
        "direct": lambda: functional.conv2d(images, kernels, padding=half, groups=CHANNELS),
        "direct, channels last": lambda: functional.conv2d(last, kernels, padding=half, groups=CHANNELS),
        "ours": lambda: shifted(kind, images, means, sigma),
    }
    with torch.no_grad():
        torch.backends.cudnn.allow_tf32 = False
        ours, theirs = torch.stack(shifted(kind, images, means, sigma), 2).flatten(1, 2), ways["direct"]()
        # Bilinear reading takes zeros for what a kernel sees beyond the border's blurred row.
        inner = slice(half, -half) if kind == "bilinear" else slice(None)
        difference = (ours - theirs)[..., inner, inner].abs().max().item()
        if difference > 1e-5:
            raise SystemExit(
                f"{kind}: ours is {difference:.2g} away from direct convolution, so the times mean nothing"
            )
        torch.backends.cudnn.allow_tf32 = True
        times = alternate(ways, rounds)
    direct = min(times["direct"], times["direct, channels last"])
    print(
        f"{kind}: " + ", ".join(f"{name} {t:.1f} ms" for name, t in times.items()) + f"; {direct / times['ours']:.1f}x"
    )
    return {"ms": times, "difference": difference, "ratio": round(direct / times["ours"], 2)}


def shifted(kind: str, images: torch.Tensor, means: torch.Tensor, sigma: torch.Tensor) -> list[torch.Tensor]:
    """Return the maps (B, C, H, W) of every unit by the layer's own steps; it never joins them either."""
    if kind == "exact":
        whole, reach = means.round(), taps.reach(SIGMA)
        positions = torch.arange(-reach, reach + 1, device=images.device)
        across, down = taps.gaussian_taps(means - whole, sigma, positions)
    else:
        whole, reach = means.floor(), 0
        centred = taps.gaussian_taps(torch.zeros_like(sigma), sigma, torch.arange(-3, 4, device=images.device))
        images = shifting.blur(images, centred, centred)
        across, down = taps.lagrange_taps(means - whole, 2)
    placed = shifting.Displacement(across, down, [(int(x), int(y)) for x, y in whole.T.tolist()], reach)
    wider = shifting.padded(images, placed.margin)
    return [shifting.displace(wider, placed, unit, placed.margin) for unit in range(UNITS)]


def layers(images: torch.Tensor, rounds: int) -> dict[str, Any]:
    """Return the milliseconds of forward and backward of whole layers, after the equal ones are found equal."""
    made: dict[str, nn.Module] = {
        "3x3 convolution": nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
        "shift, exact": GauConv2d(CHANNELS, CHANNELS, UNITS),
        "shift, bilinear": GauConv2d(CHANNELS, CHANNELS, UNITS, interpolation="bilinear"),
        "low rank, Gaussian basis": GauConv2d(
            CHANNELS, CHANNELS, UNITS, mode="lowrank", low_rank=LowRank(basis="gaussian")
        ),
        "low rank, PCA basis": GauConv2d(CHANNELS, CHANNELS, UNITS, mode="lowrank"),
        "dense 17x17": GauConv2d(CHANNELS, CHANNELS, UNITS, max_kernel_size=11, mode="dense"),
    }
    equal = {"shift, exact": GauConv2d(CHANNELS, CHANNELS, UNITS, mode="dense")}
    if images.is_cuda:
        made["shift, exact, fused"] = GauConv2d(CHANNELS, CHANNELS, UNITS, backend="triton")
        equal["shift, exact, fused"] = equal["shift, exact"]
    torch.backends.cudnn.allow_tf32 = False
    for name, dense in equal.items():
        layer, peer = made[name].to(images.device), dense.to(images.device)
        layer.load_state_dict(peer.state_dict())
        with torch.no_grad():
            difference = (layer(images[:1]) - peer(images[:1])).abs().max().item()
        if difference > 1e-4:
            raise SystemExit(f"{name} is {difference:.2g} away from the dense layer, so its time means nothing")
    torch.backends.cudnn.allow_tf32 = True
    steps = {name: training_step(layer.to(images.device), images) for name, layer in made.items()}
    times = alternate(steps, rounds)
    base = times["3x3 convolution"]
    for name, each in times.items():
        print(f"{name}: forward and backward {each:.1f} ms, {each / base:.1f} times a 3x3 convolution")
    return {name: {"ms": each, "times 3x3": round(each / base, 2)} for name, each in times.items()}


def training_step(layer: nn.Module, images: torch.Tensor) -> Step:
    def run() -> torch.Tensor:
        layer.zero_grad()
        features = images.detach().requires_grad_()
        layer(features).square().mean().backward()
        assert features.grad is not None
        return features.grad

    return run


def alternate(ways: dict[str, Step], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - started) * 1e3)
    return {name: round(statistics.median(values), 3) for name, values in times.items()}


if __name__ == "__main__":
    main()
