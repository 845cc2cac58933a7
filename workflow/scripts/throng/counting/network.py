"""What every counter shares: any input size, a target scale, and a final activation that cannot die."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from throng.counting.inputs import InputSpec
from throng.errors import ThrongError

LastActivation = Literal["relu", "softplus", "linear"]
Init = Literal["he", "gaussian", "glorot"]


class Counter(nn.Module):
    """A network from (B, C, H, W) normalised pixels to a density map (B, 1, ceil(H / stride), ceil(W / stride)).

    ``network`` ends in a one-channel map at ``stride``; images are padded on the right and bottom to a multiple of
    ``multiple``, two of them at least, by repeating their edge, and the map is cropped back. The raw map passes
    ``last_activation`` and is divided by ``target_scale``, so that training can fit a well-scaled target while the
    output stays in people per cell. "linear" is left signed in training and cut at zero in evaluation, so the map a
    user sees is never negative.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        stride: int,
        multiple: int,
        in_channels: int,
        target_scale: float,
        last_activation: LastActivation,
        input_spec: InputSpec,
    ) -> None:
        super().__init__()
        check_choice("last_activation", last_activation, ("relu", "softplus", "linear"))
        check_positive("target_scale", target_scale)
        self.network = network
        self.stride = stride
        self.multiple = multiple
        self.in_channels = in_channels
        self.target_scale = target_scale
        self.last_activation = last_activation
        self.input_spec = input_spec
        self.architecture: dict[str, Any] = {}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the density map in people per cell, float32."""
        height, width = images.shape[-2:]
        # Instance norm needs more than one position at the deepest level.
        down = max(-height % self.multiple, 2 * self.multiple - height)
        across = max(-width % self.multiple, 2 * self.multiple - width)
        if down or across:
            images = functional.pad(images, (0, across, 0, down), mode="replicate")
        raw = self.network(images).to(torch.float32)[..., : -(-height // self.stride), : -(-width // self.stride)]
        if self.last_activation == "relu" or (self.last_activation == "linear" and not self.training):
            raw = functional.relu(raw)
        elif self.last_activation == "softplus":
            raw = functional.softplus(raw)
        return raw / self.target_scale

    def set_initial_density(self, people_per_cell: float) -> None:
        """Start the map at ``people_per_cell`` everywhere, so that no final unit is dead and no count starts at zero.

        The last convolution keeps a hundredth of its gain and its bias takes the value that the activation
        maps to the scaled density.
        """
        # The last layer that makes one map of many, whatever kind of convolution it is.
        last: Any = [m for m in self.network.modules() if getattr(m, "out_channels", None) == 1][-1]
        value = max(people_per_cell * self.target_scale, 1e-6)
        bias = math.log(math.expm1(value)) if self.last_activation == "softplus" else value
        with torch.no_grad():
            last.weight.mul_(0.1 * min(value, 1.0))
            if last.bias is not None:
                last.bias.fill_(bias)


def initialise(network: nn.Module, init: Init) -> None:
    """Fill every convolution: "he" (He et al. 2015, fan-in), "gaussian" (N(0, 0.01), bias 0) or "glorot" (uniform)."""
    check_choice("init", init, ("he", "gaussian", "glorot"))
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        if init == "he":
            taps = module.kernel_size[0] * module.kernel_size[1]
            # A stride-s transposed convolution feeds each output from only taps / s^2 of its kernel.
            taps = taps / (module.stride[0] * module.stride[1]) if isinstance(module, nn.ConvTranspose2d) else taps
            nn.init.normal_(module.weight, std=math.sqrt(2 / (module.in_channels * taps)))
        elif init == "gaussian":
            nn.init.normal_(module.weight, std=0.01)
        else:
            nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def keyword_options(builder: Callable[..., Counter]) -> dict[str, Any]:
    """Return the keyword options of a function that builds counters, with their defaults."""
    parameters = inspect.signature(builder).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def check_choice(option: str, value: object, allowed: Sequence[str]) -> None:
    """Raise ThrongError unless ``value`` is one of the ``allowed`` names."""
    if value not in allowed:
        raise ThrongError(f"{option} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {value!r}")


def check_positive(option: str, value: object) -> None:
    """Raise ThrongError unless ``value`` is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ThrongError(f"{option} must be a number above 0, not {value!r}")


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def multiply_accumulates(model: Counter, height: int, width: int) -> int:
    """Return the multiply-accumulates of one (height, width) image through every convolution; nothing is computed.

    A layer that has a method ``multiply_accumulates`` of its input's size counts for itself.
    """
    total = 0
    shadow = copy.deepcopy(model).to("meta")
    hooks = []
    for module, original in zip(shadow.modules(), model.modules(), strict=True):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) or hasattr(original, "multiply_accumulates"):

            def count(_: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor, layer: Any = original) -> None:
                nonlocal total
                if hasattr(layer, "multiply_accumulates"):
                    total += layer.multiply_accumulates(*inputs[0].shape[-2:])
                    return
                transposed = isinstance(layer, nn.ConvTranspose2d)
                sites = inputs[0] if transposed else output
                channels = layer.in_channels if transposed else layer.out_channels
                total += sites.shape[-2] * sites.shape[-1] * layer.weight[0].numel() * channels

            hooks.append(module.register_forward_hook(count))
    with torch.no_grad():
        shadow(torch.zeros(1, model.in_channels, height, width, device="meta"))
    return total


def describe(model: Counter, height: int = 768, width: int = 1024) -> str:
    """Return a counter's name, trainable parameters, stride, and GMAC for one (height, width) image, in one line."""
    gmac = multiply_accumulates(model, height, width) / 1e9
    name = model.architecture.get("name", type(model).__name__)
    return f"{name}: {parameter_count(model):,} parameters, stride {model.stride}, {gmac:.1f} GMAC at {height}x{width}"
