"""Faster inference with the same counts: which way runs a counter, chosen by name and said aloud."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from torch import nn

from throng.counting.freezing import frozen
from throng.counting.network import Counter
from throng.errors import ThrongError

log = logging.getLogger(__name__)
Setting = Literal["eager", "folded", "channels-last", "openvino", "bf16", "bf16-compiled"]
SETTINGS: dict[Setting, str] = {
    "eager": "the counter as it was trained, in fp32",
    "folded": "batch norm folded into convolutions, Gaussian layers with fixed taps, fp32",
    "channels-last": "folded, with the channels of a pixel beside each other",
    "openvino": "folded, run by OpenVINO on the CPU in fp32",
    "bf16": "folded, channels last, convolutions in bfloat16 where the hardware has it",
    "bf16-compiled": "bf16 by torch.compile",
}


@dataclass(frozen=True)
class Choice:
    """The setting of a model on a kind of device, and the measurement that it rests on."""

    setting: Setting
    reason: str


# By architecture and device; benchmarks/counting.py measures what the reasons say.
CHOICES: dict[tuple[str, str], Choice] = {
    ("gaunet-sanet", "cpu"): Choice("openvino", "5.4x eager fp32 (2.6x at 192x256); folded alone is slower, 0.6x"),
    ("csrnet", "cpu"): Choice(
        "eager", "OpenVINO 0.97x, channels last 0.98x: 3x3 convolutions run near the peak already"
    ),
    ("compact", "cpu"): Choice("openvino", "1.3x eager fp32: what is left is arithmetic"),
    ("mcnn", "cpu"): Choice("openvino", "3.1x eager fp32; channels last alone 1.8x"),
    ("resnet50", "cpu"): Choice("openvino", "1.65x eager fp32; channels last alone 1.1x"),
    ("sanet-paper", "cpu"): Choice("openvino", "2.4x eager fp32; channels last is slower than contiguous, 0.8x"),
}


def chosen(model: Counter, device: str = "cpu") -> Choice:
    """Return the setting for a counter on a device, with its reason; "eager" where nothing was measured."""
    kind = torch.device(device).type
    known = CHOICES.get((str(model.architecture.get("name")), kind))
    return known or Choice("eager", "no other was measured for this model on this device")


def fast_counter(model: Counter, device: str = "cpu", setting: Setting | None = None) -> tuple[Counter, Setting]:
    """Return a counter for inference alone that counts what ``model`` does, and the setting that runs it, also logged.

    ``setting`` None takes the one of :func:`chosen`. The counter shares no weights with ``model``, and takes images on
    ``device``. Counts differ by rounding alone (with instance norm by 5e-4) except in bfloat16. Raises ThrongError for
    a setting that does not exist or that the device cannot run; nothing falls back to another.
    """
    choice = _choice(model, device, setting)
    if choice.setting not in SETTINGS:
        raise ThrongError(f"a setting must be one of {', '.join(SETTINGS)}, not {choice.setting!r}")
    if choice.setting == "openvino" and torch.device(device).type != "cpu":
        raise ThrongError(f"setting 'openvino' runs on a CPU, not on {device}; choose another, or device cpu")
    if choice.setting.startswith("bf16") and not computes_bf16(device):
        raise ThrongError(f"setting {choice.setting!r} needs bfloat16, which {device} has no instructions for")
    log.info("%s", described(model, device, setting))
    return _made(model, device, choice.setting), choice.setting


def described(model: Counter, device: str = "cpu", setting: Setting | None = None) -> str:
    """Return which setting :func:`fast_counter` runs a counter by, and why, in one line."""
    choice = _choice(model, device, setting)
    name = model.architecture.get("name", type(model).__name__)
    return f"{name} on {device}: setting {choice.setting} ({SETTINGS[choice.setting]}; {choice.reason})"


def _choice(model: Counter, device: str, setting: Setting | None) -> Choice:
    return chosen(model, device) if setting is None else Choice(setting, "as asked")


def on_device(model: Counter, device: str = "cpu", setting: Setting | None = None) -> Counter:
    """Return :func:`fast_counter`'s counter alone; raises ThrongError where torch cannot use the device."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ThrongError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
    return fast_counter(model, device, setting)[0]


def computes_bf16(device: str) -> bool:
    """Return whether convolutions in bfloat16 are native on a device: a CPU with AVX-512 BF16 or AMX, or such a GPU."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _made(model: Counter, device: str, setting: Setting) -> Counter:
    if setting == "eager":
        return copy.deepcopy(model).eval().to(device)
    twin = frozen(model)
    if setting == "openvino":
        twin.network = OpenVinoNetwork(twin)
        return twin
    twin = twin.to(device)
    if setting == "folded":
        return twin
    network = twin.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if setting == "channels-last":
        twin.network = ChannelsLast(network)
        return twin
    if setting == "bf16-compiled":
        network = cast(nn.Module, torch.compile(network, dynamic=False))
    twin.network = ChannelsLast(Bfloat16(network, torch.device(device).type))
    return twin


class ChannelsLast(nn.Module):
    """Hands a network its input with the channels of a pixel beside each other, which decides the order within."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the network's map."""
        return self.network(images.contiguous(memory_format=torch.channels_last))


class Bfloat16(nn.Module):
    """Runs a network's convolutions in bfloat16, and norms in fp32, as autocast decides."""

    def __init__(self, network: nn.Module, kind: str) -> None:
        super().__init__()
        self.network, self.kind = network, kind

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the network's map in float32."""
        with torch.autocast(self.kind, torch.bfloat16):
            return self.network(images).float()


class OpenVinoNetwork(nn.Module):
    """A counter's frozen network run by OpenVINO on the CPU in fp32, at any size, with PyTorch's number of threads."""

    def __init__(self, model: Counter) -> None:
        super().__init__()
        import openvino

        from throng.counting.export import to_onnx

        example = torch.zeros(1, model.in_channels, 4 * model.multiple, 5 * model.multiple)
        axes = {"images": {0: "batch", 2: "height", 3: "width"}, "raw": {0: "batch", 2: "rows", 3: "columns"}}
        made = to_onnx(model.network.cpu(), example, "images", "raw", axes)
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._request = core.compile_model(core.read_model(made), "CPU", settings).create_infer_request()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the network's raw map."""
        pixels = np.ascontiguousarray(images.detach().numpy(), np.float32)
        # The request's own output is overwritten by the next call.
        return torch.from_numpy(np.array(self._request.infer({"images": pixels})["raw"]))
