"""The filtered leaky ReLU of StyleGAN3's layers against zero insertion, and on a GPU the training steps around it.

    python benchmarks/gan.py [--device cuda] [--rounds 3] [--planes 32] [--images 1]

Every layer of T and R at 256x256 (cbase 16384) and of the narrow 64x64 networks that a CPU trains, forward and
backward: ours and the definition by zero insertion, which keeps every fine sample, alternately in one process. Values
and gradients are compared first. Planes are independent, so --images of at most --planes are run, and milliseconds and
the bytes that autograd keeps are given for all planes of one image, on a CPU in time of its own. On a GPU then seconds
per 1000 images at 256x256, batch 32 in rounds of 8, fp16 in the four highest rates, augmentation at p = 0.2, R1 at
every 16th step, by implementation, against the figures published for one A100 (49.81 for T, 56.73 for R), and the peak
of its memory.
Figures go to standard output and to benchmarks/results/gan-<device>.json.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from tests.unit.gan.filtered_lrelu.zero_insertion import away, zero_insertion
from throng.gan import losses
from throng.gan.augmentation import Augmentation
from throng.gan.filtered_lrelu import describe, filtered_lrelu
from throng.gan.stylegan3 import Discriminator, Generator
from throng.gan.stylegan3.layer import Layer

RESULTS = Path(__file__).parent / "results"
NETWORKS: dict[str, dict[str, Any]] = {
    "T-64, narrow": {"config": "t", "resolution": 64, "cbase": 1024, "cmax": 32, "layers": 6},
    "R-64, narrow": {"config": "r", "resolution": 64, "cbase": 1024, "cmax": 32, "layers": 6},
    "T-256": {"config": "t", "resolution": 256},
    "R-256": {"config": "r", "resolution": 256},
}
PUBLISHED = {"t": 49.81, "r": 56.73}
BATCH, PER_ROUND, PENALTY_EVERY, STRENGTH = 32, 8, 16, 0.2
GAMMA = {"t": 2.0, "r": 2.0}
Call = tuple[tuple[torch.Tensor, ...], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--planes", type=int, default=32)
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device = torch.device(options.device)
    names = ["polyphase", "triton"] if device.type == "cuda" else ["polyphase"]
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else processor(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "planes": [options.images, options.planes],
        "implementations": [describe(name, device) for name in names],
        "layers": {each: network(each, names, device, options) for each in options.networks},
    }
    if device.type == "cuda":
        figures["training"] = {
            f"{config}, {name}": training(config, name, device) for config in PUBLISHED for name in names
        }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"gan-{options.device}.json"
    path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    print(path)


def network(title: str, names: list[str], device: torch.device, options: argparse.Namespace) -> dict[str, Any]:
    """Return milliseconds and kept bytes per image of a network's layers by each way, and ours against the peer's."""
    ways: dict[str, Callable[..., torch.Tensor]] = {"zero insertion": zero_insertion}
    for name in names:
        ways[name] = lambda *given, name=name, **kept: filtered_lrelu(*given, **kept, implementation=name)
    rows, worst = [], 0.0
    for call, channels in calls(NETWORKS[title], device, options.planes, options.images):
        worst = max(worst, *(difference(ways[name], call, title) for name in names))
        share = channels / call[0][0].shape[:2].numel()
        times = alternate({way: step(function, call) for way, function in ways.items()}, options.rounds, device)
        kept = {way: saved_bytes(function, call) for way, function in ways.items()}
        rows.append({way: {"ms": times[way] * share, "bytes": kept[way] * share} for way in ways})
    total = {
        way: {
            "ms per image": round(sum(row[way]["ms"] for row in rows), 1),
            "MB kept per image": round(sum(row[way]["bytes"] for row in rows) / 1e6, 1),
        }
        for way in ways
    }
    for name in names:
        total[name]["faster"] = round(total["zero insertion"]["ms per image"] / total[name]["ms per image"], 2)
        total[name]["faster, layer by layer"] = [round(r["zero insertion"]["ms"] / r[name]["ms"], 1) for r in rows]
        total[name]["less kept"] = round(
            total["zero insertion"]["MB kept per image"] / total[name]["MB kept per image"], 1
        )
    print(f"{title}: " + "; ".join(f"{way} {values}" for way, values in total.items()))
    return {**total, "largest difference": worst}


def calls(architecture: dict[str, Any], device: torch.device, planes: int, images: int) -> list[tuple[Call, int]]:
    """Return what each layer passes for ``images`` of at most ``planes`` channels, and how many channels it has."""
    generator = Generator(**{"cbase": 16384, "cmax": 512, "w_dim": 64, "z_dim": 64, **architecture})
    found: list[tuple[Call, int]] = []
    size = generator.input.size
    for layer in generator.layers:
        assert isinstance(layer, Layer)
        channels, kernel = layer.weight.shape[0], layer.weight.shape[-1]
        size += kernel - 1
        x = torch.randn(images, min(planes, channels), size, size, device=device)
        tensors = x, torch.zeros(x.shape[1], device=device), layer.up_filter.to(device), layer.down_filter.to(device)
        made = {"up": layer.up, "down": layer.down, "padding": layer.padding, "clamp": 256.0}
        found.append(((tensors, made), channels))
        size = filtered_lrelu(x[:, :1], None, *tensors[2:], **made).shape[-1]
    return found


def step(function: Callable[..., torch.Tensor], call: Call) -> Callable[[], tuple[torch.Tensor, ...]]:
    (x, bias, *filters), made = call

    def run() -> tuple[torch.Tensor, ...]:
        images, added = x.detach().requires_grad_(), bias.detach().requires_grad_()
        y = function(images, added, *filters, **made)
        return y.detach(), *torch.autograd.grad(y, (images, added), y.detach())

    return run


def difference(function: Callable[..., torch.Tensor], call: Call, title: str) -> float:
    """Return how far values and gradients are from zero insertion's, as a share of their size."""
    worst = max(
        away(one, other) for one, other in zip(step(function, call)(), step(zero_insertion, call)(), strict=True)
    )
    if worst > 1e-4:  # where a sample is zero but for rounding, its slope may be either: some in a million
        raise SystemExit(f"{title}: ours is {worst:.2g} away from zero insertion, so the times mean nothing")
    return worst


def saved_bytes(function: Callable[..., torch.Tensor], call: Call) -> int:
    """Return the bytes that autograd keeps of one call, each storage counted once, without the filters."""
    (x, bias, *filters), made = call
    kept: dict[int, int] = {}
    constant = {each.untyped_storage().data_ptr() for each in filters}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = 0 if storage.data_ptr() in constant else storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function(x.detach().requires_grad_(), bias, *filters, **made)
    del result
    return sum(kept.values())


def alternate(ways: dict[str, Callable[[], Any]], rounds: int, device: torch.device) -> dict[str, float]:
    # Of a CPU that others use as well, the time that was spent on this process; no other runs meanwhile on a GPU.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = clock()
            way()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                times[name].append((clock() - started) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def training(
    config: str, implementation: str, device: torch.device, *, resolution: int = 256, batch: int = BATCH,
    rounds: int = 2, **architecture: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return seconds per 1000 images of whole training steps, and the most memory that they took."""
    torch.manual_seed(0)
    half = torch.float16 if device.type == "cuda" else None
    made = {"resolution": resolution, "cbase": 16384, "cmax": 512, "half": half, **architecture}
    generator = Generator(**{**made, "config": config, "implementation": implementation}).to(device)
    discriminator = Discriminator(**{name: value for name, value in made.items() if name != "layers"}).to(device)
    photographs = torch.rand(batch, 3, resolution, resolution, device=device) * 2 - 1
    optimisers = [torch.optim.Adam(net.parameters(), 2e-3, betas=(0.0, 0.99)) for net in (generator, discriminator)]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for number in range(rounds + 1):
        started = time.perf_counter()
        for index in range(PENALTY_EVERY):
            one_step(generator, discriminator, optimisers, photographs, GAMMA[config], index == 0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        if number:
            seconds.append(time.perf_counter() - started)
    per_thousand = statistics.median(seconds) / (PENALTY_EVERY * batch) * 1000
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
    print(f"{config}, {implementation}: {per_thousand:.1f} s per 1000 images (A100, published: {PUBLISHED[config]})")
    return {"s per 1000 images": round(per_thousand, 2), "published, A100": PUBLISHED[config], "peak GiB": peak}


def one_step(
    generator: Generator, discriminator: Discriminator, optimisers: list[torch.optim.Adam],
    photographs: torch.Tensor, gamma: float, penalised: bool,
) -> None:  # fmt: skip
    """Take one step of both networks, with the penalty on its photographs as an extra step of the discriminator."""
    augmentation = Augmentation()
    shares = photographs.split(PER_ROUND)
    for share in shares:
        fakes = generator(torch.randn(len(share), generator.z_dim, device=share.device))
        (losses.generator_loss(discriminator(augmentation(fakes, STRENGTH))) / len(shares)).backward()
    update(optimisers[0], generator)
    for share in shares:
        with torch.no_grad(), generator.update_magnitudes():
            fakes = generator(torch.randn(len(share), generator.z_dim, device=share.device))
        scores = discriminator(augmentation(fakes, STRENGTH)), discriminator(augmentation(share, STRENGTH))
        (losses.discriminator_loss(scores[1], scores[0]) / len(shares)).backward()
    update(optimisers[1], discriminator)
    if not penalised:
        return
    for share in shares:
        images = share.detach().requires_grad_()
        scores = discriminator(augmentation(images, STRENGTH))
        (losses.gradient_penalty(scores, images, gamma) * PENALTY_EVERY / len(shares)).backward()
    update(optimisers[1], discriminator)


def update(optimiser: torch.optim.Adam, network: torch.nn.Module) -> None:
    losses.clean_gradients(network.parameters())
    optimiser.step()
    for each in optimiser.param_groups:
        for parameter in each["params"]:
            parameter.grad = None
    network.zero_grad(set_to_none=True)


def processor() -> str:
    """Return the processor's name, or its architecture where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
