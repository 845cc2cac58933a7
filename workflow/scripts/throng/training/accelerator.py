"""Where a step is done: device, arithmetic, and the processes that share it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from throng.errors import ThrongError
from throng.training.batches import Batch
from throng.training.stop import LookEndedError, stop_asked


def accelerator_of(device: str, precision: str) -> Any:
    """Return the accelerate.Accelerator of a device (cpu, cuda, cuda:0) and arithmetic (fp32, bf16, fp16).

    Raises ThrongError for fp16 on the CPU, and where there is no GPU.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if device == "cpu" and precision == "fp16":
        raise ThrongError("fp16 training needs a GPU: choose bf16 or fp32 on the CPU")
    if device != "cpu" and not torch.cuda.is_available():
        raise ThrongError(f"device {device!r} was asked for but no GPU is usable: choose device cpu")
    if "LOCAL_RANK" not in os.environ:
        # Accelerate remembers the first precision and device of a process; a second run may want others.
        AcceleratorState._reset_state(reset_partial_state=True)
        if torch.device(device).index is not None:
            torch.cuda.set_device(device)
    return Accelerator(cpu=device == "cpu", mixed_precision="no" if precision == "fp32" else precision)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch anew from (seed, step, process): then nothing of its state needs to be kept."""
    torch.manual_seed(((seed * 1_000_003 + step) * 1_009 + rank) % 2**63)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch, any nest of tensors, on the device."""
    from accelerate.utils import send_to_device

    return send_to_device(batch, device, non_blocking=True)


def averaged(stats: dict[str, Any], accelerator: Any) -> dict[str, torch.Tensor]:
    """Return the means over all processes, so that every process logs, judges and fails alike."""
    if accelerator.num_processes == 1:
        return stats
    means = accelerator.reduce(torch.stack([value.detach().double() for value in stats.values()]), "mean")
    return dict(zip(stats, means, strict=True))


def any_asked(asked: bool, accelerator: Any) -> bool:
    """Return whether any process was asked: they all stop after the same step, or none could finish the next."""
    if accelerator.num_processes == 1:
        return asked
    return bool(accelerator.reduce(torch.tensor(float(asked), device=accelerator.device), "sum"))


def in_turns(measure: Callable[[int], float], number: int) -> list[float]:
    """Return ``measure(0)`` to ``measure(number - 1)``, each made by one process of the group and known to all.

    Raises LookEndedError in all processes when one of them was asked to stop meanwhile.
    """
    group = torch.distributed
    if not (group.is_available() and group.is_initialized()):
        return [measure(index) for index in range(number)]
    world = group.get_world_size()
    mine: list[float] | None = []
    for index in range(group.get_rank(), number, world):
        if stop_asked():
            mine = None
            break
        mine.append(measure(index))
    parts: list[Any] = [None] * world
    group.all_gather_object(parts, mine)
    if None in parts:
        raise LookEndedError
    return [parts[index % world][index // world] for index in range(number)]
