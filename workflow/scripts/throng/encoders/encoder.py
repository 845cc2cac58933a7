"""What every encoder shares: its own normalisation, any input size, features of stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import nn
from torch.nn import functional

from throng.counting.backbones import IMAGENET_MEAN, IMAGENET_STD
from throng.errors import ThrongError


class Encoder(nn.Module):
    """A network from (B, 3, H, W) RGB pixels 0..255 to (B, features, ceil(H / stride), ceil(W / stride)) >= 0.

    ``network`` takes pixels less ImageNet's mean over its deviation and ends in a ReLU; its children named in
    ``stages`` end a stage each, the last of them all. Pictures are padded on the right and bottom to a multiple of
    ``multiple`` by repeating their edge. ``frozen_norm`` keeps batch norm at its running statistics in training too;
    its gains and offsets still learn. ``architecture`` is what :func:`throng.encoders.registry.build_encoder` was told.
    """

    def __init__(
        self,
        network: nn.Sequential,
        *,
        stages: Sequence[str],
        features: int,
        stride: int,
        multiple: int = 1,
        frozen_norm: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.stages = tuple(stages)
        self.features = features
        self.stride = stride
        self.multiple = multiple
        self.frozen_norm = frozen_norm
        self.architecture: dict[str, Any] = {}
        mean, deviation = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("mean", 255 * mean[:, None, None], persistent=False)
        self.register_buffer("deviation", 255 * deviation[:, None, None], persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return (B, features, ceil(H / stride), ceil(W / stride)) float32 >= 0 of (B, 3, H, W) uint8 or float 0..255.

        Raises ThrongError for another shape.
        """
        return self.network(self._normalised(pixels)).float()

    def layers(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Return the activations of every stage, float32, finest first; the last are the features.

        Raises ThrongError for another shape than (B, 3, H, W).
        """
        found = []
        activations = self._normalised(pixels)
        for name, module in self.network.named_children():
            activations = module(activations)
            if name in self.stages:
                found.append(activations.float())
        return found

    def train(self, mode: bool = True) -> Self:
        """Set training mode; batch norm that is frozen stays in evaluation mode."""
        super().train(mode)
        if self.frozen_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        if pixels.ndim != 4 or pixels.shape[1] != 3:
            raise ThrongError(f"an encoder takes (B, 3, H, W) RGB pixels, not {tuple(pixels.shape)}")
        normalised = (pixels.float() - self.get_buffer("mean")) / self.get_buffer("deviation")
        down, across = (-side % self.multiple for side in pixels.shape[-2:])
        if down or across:
            normalised = functional.pad(normalised, (0, across, 0, down), mode="replicate")
        return normalised
