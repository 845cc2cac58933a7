"""What StyleGAN3's networks cost by their size, and one kernel per image against one kernel for all.

    python benchmarks/gan_networks.py [--rounds 5] [--device cuda]

A modulated convolution is either a grouped one whose kernels each image scales, or one kernel for the whole batch
between two scalings of the signal (Karras et al., CVPR 2020, section 2.2). Both are compared before they take turns in
one process. Then generators and discriminators are timed: forward, forward and backward, and the gradient penalty.
Times are the process's own on the CPU, of one thread, which another program on the machine does not lengthen, and the
clock's on a GPU; the least of all rounds.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.gan.stylegan3 import Discriminator, Generator
from throng.gan.stylegan3.modulated import modulated_conv

RESULTS = Path(__file__).parent / "results"
SMALL: dict[str, Any] = {"resolution": 64, "cbase": 1024, "cmax": 32, "z_dim": 64, "w_dim": 64}
GENERATORS: dict[str, dict[str, Any]] = {
    "t, 14 layers": SMALL,
    "t, 14 layers, margin 4": SMALL | {"margin": 4},
    "t, 6 layers": SMALL | {"layers": 6},
    "t, 6 layers, margin 4": SMALL | {"layers": 6, "margin": 4},
    "t, 6 layers, margin 4, cmax 64": SMALL | {"layers": 6, "margin": 4, "cmax": 64},
    "t, 5 layers, margin 3": SMALL | {"layers": 5, "margin": 3},
    "r, 6 layers, margin 4, half as wide": SMALL | {"config": "r", "layers": 6, "margin": 4, "cbase": 512, "cmax": 16},
}
DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "cmax 32": {"resolution": 64, "cbase": 1024, "cmax": 32},
    "cmax 64": {"resolution": 64, "cbase": 1024, "cmax": 64},
}
# of a small generator's layers on a CPU, of a published one's on a GPU: channels in, out, size, kernel
CONVS = {"cpu": ((32, 32, 36, 3), (32, 16, 72, 3), (32, 32, 36, 1)), "cuda": ((512, 512, 52, 3), (256, 181, 276, 3))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    kind = torch.device(options.device).type
    figures: dict[str, Any] = {
        "machine": platform.machine() if kind == "cpu" else torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "batch": options.batch,
    }
    for conv in CONVS[kind]:
        figures["convolution {} -> {}, {} pixels, kernel {}".format(*conv)] = compared(conv, options, kind)
    for name, sizes in GENERATORS.items():
        figures[f"generator, {name}"] = of_generator(Generator(**sizes).to(options.device), options)
    for name, sizes in DISCRIMINATORS.items():
        figures[f"discriminator, {name}"] = of_discriminator(Discriminator(**sizes).to(options.device), options)
    for name, found in figures.items():
        print(name, found, flush=True)
    options.out.mkdir(exist_ok=True)
    path = options.out / f"gan_networks_{'cpu' if kind == 'cpu' else 'gpu'}.json"
    path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def one_kernel(x: Tensor, weight: Tensor, styles: Tensor) -> Tensor:
    """One kernel for the whole batch: images are scaled before it, and its output after."""
    weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
    styles = styles * styles.square().mean(1, keepdim=True).rsqrt()
    lengths = (styles.square() @ weight.square().sum((2, 3)).T).rsqrt()
    y = F.conv2d(x * styles[:, :, None, None].to(x.dtype), weight.to(x.dtype), padding=weight.shape[-1] - 1)
    return y * lengths[:, :, None, None].to(x.dtype)


def compared(conv: tuple[int, int, int, int], options: argparse.Namespace, kind: str) -> dict[str, Any]:
    inputs, outputs, size, kernel = conv
    dtype = torch.float32 if kind == "cpu" else torch.float16
    x = torch.randn(options.batch, inputs, size, size, device=options.device, dtype=dtype, requires_grad=True)
    weight = torch.randn(outputs, inputs, kernel, kernel, device=options.device, requires_grad=True)
    styles = torch.randn(options.batch, inputs, device=options.device, requires_grad=True)
    ours, theirs = modulated_conv(x, weight, styles), one_kernel(x, weight, styles)
    difference = float(((ours - theirs).norm() / theirs.norm()).detach())
    if not difference < (1e-5 if kind == "cpu" else 5e-3):
        raise SystemExit(f"the two forms differ by {difference}: the times mean nothing")
    direction = torch.randn_like(ours)

    def learnt(form: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(form(x, weight, styles), (x, weight, styles), direction)

    ways = {"kernel per image": learnt(modulated_conv), "one kernel": learnt(one_kernel)}
    found = taking_turns(ways, options)
    found["one kernel / kernel per image"] = round(found["one kernel"] / found["kernel per image"], 2)
    return {"relative difference": difference, **found}


def of_generator(network: Generator, options: argparse.Namespace) -> dict[str, Any]:
    z = torch.randn(options.batch, network.z_dim, device=options.device)

    @torch.no_grad()
    def drawn() -> object:
        return network(z)

    ways = {"forward": drawn, "forward and backward": lambda: network(z).square().sum().backward()}
    return {"parameters": count(network), "channels": [len(layer.bias) for layer in network.layers]} | per_image(
        ways, options
    )


def of_discriminator(network: Discriminator, options: argparse.Namespace) -> dict[str, Any]:
    images = torch.randn(options.batch, 3, network.resolution, network.resolution, device=options.device)
    photographs = images.clone().requires_grad_()

    @torch.no_grad()
    def judged() -> object:
        return network(images)

    def penalised() -> None:
        (gradient,) = torch.autograd.grad(network(photographs).sum(), photographs, create_graph=True)
        gradient.square().sum().backward()

    ways = {"forward": judged, "forward and backward": lambda: network(images).sum().backward(), "penalty": penalised}
    return {"parameters": count(network)} | per_image(ways, options)


def per_image(ways: dict[str, Callable[[], object]], options: argparse.Namespace) -> dict[str, float]:
    return {f"{name}, ms per image": round(ms / options.batch, 2) for name, ms in taking_turns(ways, options).items()}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def taking_turns(ways: dict[str, Callable[[], object]], options: argparse.Namespace) -> dict[str, float]:
    """Return the least milliseconds of each way."""
    gpu = torch.device(options.device).type != "cpu"
    clock = time.perf_counter if gpu else time.process_time
    least = dict.fromkeys(ways, float("inf"))
    for turn in range(options.rounds + 1):
        for name, way in ways.items():
            started = clock()
            way()
            if gpu:
                torch.cuda.synchronize()
            if turn:
                least[name] = min(least[name], 1000 * (clock() - started))
    return {name: round(ms, 2) for name, ms in least.items()}


if __name__ == "__main__":
    main()
