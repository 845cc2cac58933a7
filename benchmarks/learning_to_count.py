"""What one pass of the network over all pictures of a step saves against a pass for each term of the loss.

    python benchmarks/learning_to_count.py [--rounds 9] [--device cuda]

A step is forward, loss and backward of Learning to Count (Noroozi et al., 2017) over the same pairs: ours puts
downsampled pictures and tiles into one batch, the plain form calls the network for D x, D y and every tile, 6 or 10
times. Loss and gradient are compared before anything is timed; then both take turns in one process. Times are the
process's own on the CPU, which another program on the machine does not lengthen, and the clock's on a GPU.
"""

from __future__ import annotations

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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.learning_to_count.batches import Batch
from throng.counting.learning_to_count.forward import Counts, Pairing, counts_of, loss_terms
from throng.counting.learning_to_count.networks import CountingNetwork, counting_network
from throng.counting.learning_to_count.operators import downsampled, greyed, tiles

RESULTS = Path(__file__).parent / "results"
# network, pixels of a crop, pairs, pairing
CASES: tuple[tuple[str, int, int, Pairing], ...] = (
    ("small", 128, 2, "symmetric"),
    ("small", 128, 8, "symmetric"),
    ("alexnet", 256, 1, "one_way"),
    ("alexnet", 256, 1, "symmetric"),
    ("alexnet", 256, 2, "symmetric"),
)
Step = Callable[[CountingNetwork, Batch, Pairing], torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cpu = options.device == "cpu"
    figures: dict[str, Any] = {
        "machine": platform.machine() if cpu else torch.cuda.get_device_name(),
        "torch": torch.__version__,
    }
    for name, size, pairs, pairing in CASES:
        head, units = ("connected", 1000) if name == "alexnet" else ("sum", 64)
        network = counting_network(name, (size // 2, size // 2), units=units, head=head).to(options.device)
        batch = Batch(*(part.to(options.device) for part in drawn(size, pairs)))
        agreement = agreeing(network, batch, pairing)
        case = f"{name}, {size} pixels, {pairs} pairs, {pairing}"
        figures[case] = {"relative difference": agreement, **timed(network, batch, pairing, options.rounds, cpu)}
        print(case, figures[case], flush=True)
    options.out.mkdir(exist_ok=True)
    path = options.out / f"learning_to_count_{'cpu' if cpu else 'gpu'}.json"
    path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def drawn(size: int, pairs: int) -> Batch:
    """Return pairs of noise, each picture with a filter and perhaps without colour."""
    pixels = torch.randint(0, 256, (2 * pairs, 3, size, size)).byte()
    return Batch(pixels, torch.randint(0, 4, (2 * pairs,)), torch.rand(2 * pairs) < 2 / 3)


def at_once(network: CountingNetwork, batch: Batch, pairing: Pairing) -> torch.Tensor:
    matching, hinge = loss_terms(counts_of(network, batch, pairing))
    return matching + hinge


def one_by_one(network: CountingNetwork, batch: Batch, pairing: Pairing) -> torch.Tensor:
    """The equations as they stand: the network is asked for each term."""
    pixels = greyed(batch.pixels, batch.grey)
    pairs = len(pixels) // 2
    small, cut = downsampled(pixels, batch.filters), tiles(pixels)
    tiles_x = torch.stack([network(cut[:pairs, number]) for number in range(4)], 1)
    tiles_y = None
    if pairing == "symmetric":
        tiles_y = torch.stack([network(cut[pairs:, number]) for number in range(4)], 1)
    matching, hinge = loss_terms(Counts(network(small[:pairs]), tiles_x, network(small[pairs:]), tiles_y))
    return matching + hinge


def agreeing(network: CountingNetwork, batch: Batch, pairing: Pairing) -> dict[str, float]:
    """Return the relative differences of losses and gradients; ends the run where they are no rounding."""
    values, gradients = [], []
    for step in (at_once, one_by_one):
        network.zero_grad()
        loss = step(network, batch, pairing)
        loss.backward()
        values.append(float(loss.detach()))
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    found = {
        "loss": abs(values[0] - values[1]) / abs(values[1]),
        "gradient": float((gradients[0] - gradients[1]).norm() / gradients[1].norm()),
    }
    if not max(found.values()) <= 1e-3:
        raise SystemExit(f"one pass and many differ by {found}: the times mean nothing")
    return found


def timed(network: CountingNetwork, batch: Batch, pairing: Pairing, rounds: int, cpu: bool) -> dict[str, Any]:
    ways: dict[str, Step] = {"one pass": at_once, "separate passes": one_by_one}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    clock = time.process_time if cpu else time.perf_counter
    for turn in range(rounds + 1):
        for name, way in ways.items():
            network.zero_grad(set_to_none=True)
            started = clock()
            way(network, batch, pairing).backward()
            if not cpu:
                torch.cuda.synchronize()
            if turn:
                seconds[name].append(clock() - started)
    ratios = [many / one for one, many in zip(seconds["one pass"], seconds["separate passes"], strict=True)]
    return {
        **{f"{name} ms": round(1e3 * statistics.median(values), 2) for name, values in seconds.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratio least": round(min(ratios), 2),
        "ratio most": round(max(ratios), 2),
    }


if __name__ == "__main__":
    main()
