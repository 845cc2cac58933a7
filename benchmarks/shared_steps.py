"""Several processes that share the steps of a counter's training, one per GPU: how fast, and how alike to one process.

    python benchmarks/shared_steps.py [--device cuda] [--processes 1 2 4] [--steps 50]

``n`` processes make steps of 8 random crops each; one process that makes the same steps in ``n`` parts
(``accumulate``) is what they must equal but for the order of sums. Given are crops per second, the first five steps
left out, and the largest difference of a weight behind the last step, as a share of the largest weight. Default
processes: 1, 2, 4, ... up to the GPUs of this machine, 1 and 2 on the CPU. Figures go to standard output and to
OUT/shared_steps.json.
"""

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.registry import build
from throng.processes import check_gpus, launch
from throng.training import LoopOptions, train

CROPS, SIDE, UNTIMED = 8, {"cpu": 64, "cuda": 256}, 5


def steps_of(processes: int, folder: str, device: str, steps: int) -> None:
    """Make the steps in this process, or its share of them, and write weights and seconds to ``folder``."""
    rank = int(os.environ.get("RANK", "0"))
    alone = "RANK" not in os.environ
    side = SIDE[device]
    ends: list[float] = []

    def batch_at(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        random = torch.Generator().manual_seed(number)
        return torch.rand(CROPS, 3, side, side, generator=random), torch.rand(CROPS, generator=random)

    def loss_of(network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> Any:
        loss = (network(batch[0]).sum((1, 2, 3)) - batch[1]).square().mean()
        return loss, {}

    def on_log(step: int, row: Any) -> None:
        del step, row
        if device != "cpu":
            torch.cuda.synchronize()
        ends.append(time.monotonic())

    torch.manual_seed(0)
    model = build("compact", 3)
    options = LoopOptions(steps=steps, accumulate=processes if alone else 1, log_every=1, schedule="constant")
    with tempfile.TemporaryDirectory() as work:
        train(model, batch_at, loss_of, options, Path(work), device=device, on_log=on_log, checkpoint_seconds=1e9)
    if rank == 0:
        weights = torch.cat([value.detach().cpu().double().flatten() for value in model.parameters()])
        seconds = (ends[-1] - ends[UNTIMED - 1]) / (len(ends) - UNTIMED)
        torch.save({"weights": weights, "seconds": seconds}, Path(folder) / "made.pt")


def made(processes: int, device: str, steps: int, *, shared: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        if shared:
            # by the name under which the new processes find it
            function = importlib.import_module(Path(__file__).stem).steps_of
            launch(function, (processes, folder, device, steps), processes=processes, threads=1)
        else:
            steps_of(processes, folder, device, steps)
        return torch.load(Path(folder) / "made.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=list(SIDE), default="cpu")
    parser.add_argument("--processes", type=int, nargs="+")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    most = max(torch.cuda.device_count(), 1) if options.device == "cuda" else 2
    wanted = options.processes or [number for number in (1, 2, 4, 8, 16) if number <= most]
    check_gpus(max(wanted), options.device)
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    torch.set_num_threads(1)
    report: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
        "torch": torch.__version__,
        "crops": f"{CROPS} of {SIDE[options.device]} pixels in each process",
        "steps": options.steps,
        "processes": {},
    }
    for number in wanted:
        alone = made(number, options.device, options.steps, shared=False)
        found = made(number, options.device, options.steps, shared=True) if number > 1 else alone
        apart = (found["weights"] - alone["weights"]).abs().max() / alone["weights"].abs().max()
        report["processes"][str(number)] = {
            "crops per second": round(number * CROPS / found["seconds"], 1),
            "of one process that makes the same steps": round(number * CROPS / alone["seconds"], 1),
            "largest difference of a weight": float(apart),
        }
    print(json.dumps(report, indent=1))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "shared_steps.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
