"""R3GAN's discriminator: the generator's mirror image, with a projection of the label.

Huang et al. (2024), arXiv 2501.05441, section 3.2 and figure 3; projection: Miyato and Koyama (2018), eq. 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from throng.errors import ThrongError
from throng.gan.r3gan.layers import Conv, Linear, ResidualBlock, downsample
from throng.gan.r3gan.stages import SMALLEST, stages


class Discriminator(nn.Module):
    """Tells photographs from drawn images: logits (B, 1) of images (B, 3, resolution, resolution) and labels.

    Options as the generator's, ``widths`` too from 4x4 pixels up. The logit is that of the image alone plus, where
    there are labels, the product of a projection of its features with the label's linear embedding; every part of it
    can be differentiated twice.
    """

    def __init__(
        self,
        resolution: int = 64,
        c_dim: int = 0,
        *,
        widths: Sequence[int] = (128, 96, 64, 48, 32),
        blocks: int | Sequence[int] = 2,
        groups: int | Sequence[int] = 4,
        expansion: int = 2,
        label_dim: int = 32,
        half: torch.dtype | None = None,
        half_rates: int = 4,
    ) -> None:
        super().__init__()
        plan = stages(resolution, widths, blocks, groups, expansion)
        self.resolution, self.c_dim, self.label_dim = resolution, c_dim, label_dim
        options = {
            "resolution": resolution,
            "c_dim": c_dim,
            **plan.options,
            "label_dim": label_dim,
        }
        self.architecture: dict[str, Any] = {"name": "r3gan", "options": options}
        self.half: torch.dtype | None = half  # pyright: ignore[reportIncompatibleMethodOverride]
        self.half_rates = half_rates
        self.from_rgb = Conv(3, plan.widths[-1], 1)
        self.stages = nn.ModuleList()
        for number in reversed(range(len(plan.widths))):
            width, after = plan.widths[number], plan.widths[max(number - 1, 0)]
            layers: list[nn.Module] = [
                ResidualBlock(width, plan.groups[number], plan.expansion, plan.depth)
                for _ in range(plan.blocks[number])
            ]
            if width != after:
                layers.append(Conv(width, after, 1))
            self.stages.append(nn.Sequential(*layers))
        self.basis = nn.Parameter(torch.randn(plan.widths[0], SMALLEST, SMALLEST) / SMALLEST)
        self.score = Linear(plan.widths[0], 1)
        if c_dim:
            self.projection = Linear(plan.widths[0], label_dim)
            self.embedding = Linear(c_dim, label_dim)

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Return logits (B, 1) of images (B, 3, R, R), about -1..1, under labels c (B, c_dim).

        Raises ThrongError when labels are missing or of another shape than the network's.
        """
        x = self.from_rgb(images)
        for number, stage in enumerate(self.stages):
            if number:
                x = downsample(x)
            if self.half is not None:
                x = x.to(self.half if number < self.half_rates else torch.float32)
            x = stage(x)
        if self.half is not None:
            x = x.float()
        features = (x * self.basis).sum(dim=(2, 3))
        logits = self.score(features)
        if not self.c_dim:
            return logits
        if c is None or c.shape != (len(images), self.c_dim):
            found = "none" if c is None else tuple(c.shape)
            raise ThrongError(f"this discriminator takes labels of shape ({len(images)}, {self.c_dim}): found {found}")
        agreement = (self.projection(features) * self.embedding(c)).sum(dim=1, keepdim=True)
        return logits + agreement / math.sqrt(self.label_dim)
