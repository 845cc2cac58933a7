"""SANet, the Scale Aggregation Network (Cao, Wang, Zhao, Su, ECCV 2018), in the three layouts that circulate.

``sanet-paper`` has the widths of the paper's figure and 0.91 M parameters as published; ``sanet-author`` is
the layout of the author's file; ``sanet-keras`` that of the Keras re-implementation, which reduces in the
head and ends in one more 5x5 convolution. Published training fades to an empty map in most initialisations;
the defaults here (He initialisation, affine instance norm before ReLU, scaled targets, an output that starts
at the mean density) do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from throng.counting.inputs import InputSpec
from throng.counting.network import Counter, Init, LastActivation, check_choice, initialise
from throng.errors import ThrongError

KERNELS = (1, 3, 5, 7)
Order = Literal["conv-norm-act", "conv-act-norm"]


@dataclass(frozen=True)
class SanetLayout:
    """The widths of the four modules' branches and what the layouts differ in."""

    widths: tuple[int, int, int, int]
    reduced_head: bool
    last_conv5: bool
    norm: bool
    order: Order
    init: Init
    last_activation: LastActivation


LAYOUTS = {
    "sanet-paper": SanetLayout((16, 32, 32, 16), False, False, True, "conv-norm-act", "he", "relu"),
    "sanet-author": SanetLayout((16, 32, 32, 32), False, False, True, "conv-norm-act", "he", "relu"),
    "sanet-keras": SanetLayout((16, 32, 32, 32), True, True, False, "conv-act-norm", "glorot", "relu"),
}


def sanet(
    name: str,
    in_channels: int = 3,
    *,
    norm: bool | None = None,
    affine: bool = True,
    order: Order | None = None,
    init: Init | None = None,
    last_activation: LastActivation | None = None,
    target_scale: float = 100.0,
) -> Counter:
    """Return a SANet of the layout ``name`` for grey (1) or RGB (3) input, stride 1.

    ``norm`` switches instance norm, ``affine`` its learnt gain and offset, ``order`` places it before or after ReLU,
    ``init`` is he, gaussian or glorot, and ``last_activation`` relu, softplus or linear; None keeps the layout's own
    choice.
    """
    layout = LAYOUTS[name]
    block = Block(
        norm=layout.norm if norm is None else norm,
        affine=affine,
        order=layout.order if order is None else order,
    )
    encoder = _encoder(layout, in_channels, block)
    decoder = _decoder(4 * layout.widths[3], layout.last_conv5, block)
    network = ScaleAggregationNetwork(encoder, decoder)
    initialise(network, layout.init if init is None else init)
    return Counter(
        network,
        stride=1,
        multiple=8,
        in_channels=in_channels,
        target_scale=target_scale,
        last_activation=layout.last_activation if last_activation is None else last_activation,
        input_spec=InputSpec(channels=in_channels, mean=114.0, std=58.0),
    )


@dataclass(frozen=True)
class Block:
    """Makes convolution, instance norm and ReLU in the chosen order; a normalised convolution has no bias."""

    norm: bool
    affine: bool
    order: Order

    def __post_init__(self) -> None:
        check_choice("order", self.order, ("conv-norm-act", "conv-act-norm"))
        for option in ("norm", "affine"):
            if not isinstance(getattr(self, option), bool):
                raise ThrongError(f"{option} must be true or false, not {getattr(self, option)!r}")

    def conv(self, inputs: int, outputs: int, kernel: int) -> nn.Sequential:
        """Return a 'same' convolution block."""
        return self._dressed(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not self.norm), outputs)

    def up(self, channels: int) -> nn.Sequential:
        """Return a block that doubles the resolution by a 2x2 transposed convolution."""
        return self._dressed(nn.ConvTranspose2d(channels, channels, 2, stride=2, bias=not self.norm), channels)

    def _dressed(self, convolution: nn.Module, channels: int) -> nn.Sequential:
        if not self.norm:
            return nn.Sequential(convolution, nn.ReLU(inplace=True))
        norm = nn.InstanceNorm2d(channels, affine=self.affine)
        if self.order == "conv-norm-act":
            return nn.Sequential(convolution, norm, nn.ReLU(inplace=True))
        return nn.Sequential(convolution, nn.ReLU(inplace=True), norm)


class ScaleAggregation(nn.Module):
    """Four parallel branches with kernels 1, 3, 5 and 7, joined on channels; the larger ones may reduce to 2b first."""

    def __init__(self, inputs: int, width: int, *, reduced: bool, block: Block) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(block.conv(inputs, 2 * width, 1), block.conv(2 * width, width, kernel))
            if reduced and kernel > 1
            else block.conv(inputs, width, kernel)
            for kernel in KERNELS
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the joined branches, (B, 4 * width, H, W)."""
        return torch.cat([branch(features) for branch in self.branches], 1)


class ScaleAggregationNetwork(nn.Sequential):
    """An encoder of scale-aggregation modules and a decoder."""

    def modules_in_turn(self) -> list[nn.Module]:
        """Return what a module-wise warm-up trains one after another: the aggregation modules, then the decoder."""
        encoder, decoder = self
        return [*(module for module in encoder.children() if isinstance(module, ScaleAggregation)), decoder]


def _encoder(layout: SanetLayout, in_channels: int, block: Block) -> nn.Sequential:
    modules: list[nn.Module] = []
    inputs = in_channels
    for index, width in enumerate(layout.widths):
        if index:
            modules.append(nn.MaxPool2d(2))
        modules.append(ScaleAggregation(inputs, width, reduced=index > 0 or layout.reduced_head, block=block))
        inputs = 4 * width
    return nn.Sequential(*modules)


def _decoder(inputs: int, last_conv5: bool, block: Block) -> nn.Sequential:
    return nn.Sequential(
        block.conv(inputs, 64, 9),
        block.up(64),
        block.conv(64, 32, 7),
        block.up(32),
        block.conv(32, 16, 5),
        block.up(16),
        block.conv(16, 16, 3),
        *([block.conv(16, 16, 5)] if last_conv5 else []),
        nn.Conv2d(16, 1, 1),
    )
