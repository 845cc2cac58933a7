"""Sums of what a training observes, and the line of stats.jsonl that a tick makes of them.

The field names are those of StyleGAN3's log (Karras et al., NeurIPS 2021, published implementation notes).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Sums:
    """Number, sum and sum of squares of named observations, float64 on their device until they are asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, observed: Mapping[str, Tensor]) -> None:
        """Add tensors of observations of any shape, without waiting for the device."""
        for name, values in observed.items():
            flat = values.detach().double().flatten()
            moments = torch.stack([flat.new_tensor(float(len(flat))), flat.sum(), flat.square().sum()])
            self._sums[name] = self._sums[name] + moments if name in self._sums else moments

    def state_dict(self) -> dict[str, Tensor]:
        """Return the open sums."""
        return {name: moments.cpu() for name, moments in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._sums = {name: moments.to(device) for name, moments in state.items()}

    def totals(self) -> dict[str, dict[str, float]]:
        """Return num, mean and std of each name over all processes."""
        if not self._sums:
            return {}
        names = sorted(self._sums)
        table = torch.stack([self._sums[name] for name in names])
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(table)
        rows = zip(names, table.tolist(), strict=True)
        return {name: spread_of(number, total, squares) for name, (number, total, squares) in rows}

    def clear(self) -> None:
        """Begin anew."""
        self._sums = {}


def spread_of(number: float, total: float, squares: float) -> dict[str, float]:
    """Return num, mean and std of observations by their moments."""
    mean = total / number
    return {"num": number, "mean": mean, "std": max(0.0, squares / number - mean * mean) ** 0.5}


def single(value: float) -> dict[str, float]:
    """Return one observation as a field of stats.jsonl."""
    return {"num": 1, "mean": value, "std": 0.0}


class Clock:
    """Seconds by phase, and what memory a run takes; nothing of it reaches the history.

    On a GPU a phase's seconds are those of giving it its work; the device may still be at it.
    """

    def __init__(self, seconds: float) -> None:
        self.before, self.started = seconds, time.monotonic()
        self.ticked = self.started
        self._phases: dict[str, float] = {}

    def total(self) -> float:
        """Return the seconds of the run, with those before it was resumed."""
        return self.before + time.monotonic() - self.started

    def spend(self, phase: str, since: float) -> float:
        """Add the seconds since ``since`` to a phase and return the time that it is now."""
        now = time.monotonic()
        self._phases[phase] = self._phases.get(phase, 0.0) + now - since
        return now

    def fields(self, kimg: float, device: torch.device) -> dict[str, dict[str, float]]:
        """Return the fields that depend on the clock and the machine for a tick of ``kimg``, and begin the next."""
        now, total = time.monotonic(), self.total()
        tick, self.ticked = now - self.ticked, now
        phases, self._phases = self._phases, {}
        timing: dict[str, float] = {
            "total_sec": total,
            "sec_per_tick": tick,
            "sec_per_kimg": tick / kimg,
            "maintenance_sec": max(0.0, tick - sum(phases.values())),
            "total_hours": total / 3600,
            "total_days": total / 86400,
            **phases,
        }
        found = {f"Timing/{name}": single(value) for name, value in timing.items()}
        return found | {f"Resources/{name}": single(value) for name, value in _memory(device).items()}


def _memory(device: torch.device) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
    on_gpu = device.type == "cuda"
    found = {
        "cpu_mem_gb": peak,
        "peak_gpu_mem_gb": torch.cuda.max_memory_allocated(device) / 2**30 if on_gpu else 0.0,
        "peak_gpu_mem_reserved_gb": torch.cuda.max_memory_reserved(device) / 2**30 if on_gpu else 0.0,
    }
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    return found


def line_of(
    row: Mapping[str, Any], tick: int, observed: Mapping[str, Any], clock: Mapping[str, Any], stamp: float
) -> dict[str, Any]:
    """Return one line of stats.jsonl, {name: {num, mean, std}, ..., timestamp}, of a history row and what lies beside.

    Whatever else the row holds of numbers, such as a distance to the photographs, joins it.
    """
    progress = {"tick": float(tick), "kimg": row["kimg"], "augment": row["augment"], "step": float(row["step"])}
    named = {f"Progress/{name}": single(value) for name, value in progress.items()}
    rest = {
        name: single(value)
        for name, value in row.items()
        if name not in progress and name not in observed and isinstance(value, int | float)
    }
    return {**dict(sorted({**rest, **named, **observed, **clock}.items())), "timestamp": stamp}
