"""How busy the GPUs of a job are, as NVIDIA's management library (NVML) tells it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass
class Gpu:
    """What was seen of one device; memory and utilisation are those of the device, whoever else uses it."""

    name: str
    handle: Any
    energy_at_first: int | None
    busy: list[float] = dataclasses.field(default_factory=list)
    memory: int = 0
    joules: float | None = None


class Gpus:
    """The devices that CUDA shows this process, looked at whenever asked; none where there is no NVML."""

    def __init__(self) -> None:
        try:
            import pynvml
        except ImportError:
            self.devices: list[Gpu] = []
            return
        self._nvml: Any = pynvml
        try:
            self._nvml.nvmlInit()
            self.devices = [self._device(handle) for handle in self._handles()]
        except self._nvml.NVMLError:
            self.devices = []

    def look(self) -> None:
        """Take one sample of every device."""
        for gpu in self.devices:
            try:
                gpu.busy.append(float(self._nvml.nvmlDeviceGetUtilizationRates(gpu.handle).gpu))
                gpu.memory = max(gpu.memory, int(self._nvml.nvmlDeviceGetMemoryInfo(gpu.handle).used))
            except self._nvml.NVMLError:  # a device that fell off the bus, or MIG, which tells no utilisation
                continue
            now = self._energy(gpu.handle)
            if now is not None and gpu.energy_at_first is not None:
                gpu.joules = (now - gpu.energy_at_first) / 1000.0

    def seen(self) -> list[dict[str, Any]]:
        """Return what was seen: device, utilisation in percent (mean, max), peak memory in bytes, joules or null."""
        return [
            {
                "device": gpu.name,
                "utilisation_mean": sum(gpu.busy) / len(gpu.busy) if gpu.busy else None,
                "utilisation_max": max(gpu.busy, default=None),
                "memory_peak_bytes": gpu.memory or None,
                "energy_joules": gpu.joules,
            }
            for gpu in self.devices
        ]

    def _handles(self) -> Iterator[Any]:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        if shown is None:
            wanted = [str(index) for index in range(self._nvml.nvmlDeviceGetCount())]
        else:
            wanted = [name.strip() for name in shown.split(",") if name.strip()]
        for name in wanted:
            by_index = name.lstrip("-").isdigit()
            if by_index and int(name) < 0:  # as CUDA reads it: this one and those after it are hidden
                return
            find = self._nvml.nvmlDeviceGetHandleByIndex if by_index else self._nvml.nvmlDeviceGetHandleByUUID
            yield find(int(name) if by_index else name)

    def _device(self, handle: Any) -> Gpu:
        name = self._nvml.nvmlDeviceGetName(handle)
        return Gpu(name.decode() if isinstance(name, bytes) else name, handle, self._energy(handle))

    def _energy(self, handle: Any) -> int | None:
        """Return the millijoules since the driver was loaded, None for a device that does not count them."""
        try:
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        except self._nvml.NVMLError:
            return None
