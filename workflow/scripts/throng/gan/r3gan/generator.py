"""R3GAN's generator: a learnt 4x4 basis weighed by the latent, then residual stages with upsampling between them.

Huang et al. (2024), arXiv 2501.05441, section 3.2 and figure 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from throng.errors import ThrongError
from throng.gan.r3gan.layers import Conv, Linear, ResidualBlock, upsample
from throng.gan.r3gan.stages import SMALLEST, stages


class Generator(nn.Module):
    """Draws images (B, 3, resolution, resolution), RGB in about -1..1, from latents and encoded labels.

    ``widths``: channels of each stage, from 4x4 pixels up; ``blocks`` and ``groups``: residual blocks of a stage and
    groups of their 3x3 convolution, one number or one per stage; ``label_dim``: length of the label's linear embedding,
    which is concatenated to z. ``half`` is the arithmetic of the ``half_rates`` stages of highest resolution; None is
    single precision everywhere. Raises ThrongError for options that do not fit together.
    """

    def __init__(
        self,
        resolution: int = 64,
        c_dim: int = 0,
        *,
        z_dim: int = 64,
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
        self.resolution, self.c_dim, self.z_dim = resolution, c_dim, z_dim
        self.label_dim = label_dim if c_dim else 0
        options = {
            "resolution": resolution,
            "c_dim": c_dim,
            "z_dim": z_dim,
            **plan.options,
            "label_dim": label_dim,
        }
        self.architecture: dict[str, Any] = {"name": "r3gan", "options": options}
        self.half: torch.dtype | None = half  # pyright: ignore[reportIncompatibleMethodOverride]
        self.half_rates = half_rates
        if c_dim:
            self.embedding = Linear(c_dim, label_dim)
        self.weighing = Linear(z_dim + self.label_dim, plan.widths[0])
        self.basis = nn.Parameter(torch.randn(plan.widths[0], SMALLEST, SMALLEST))
        self.stages = nn.ModuleList()
        before = plan.widths[0]
        for width, count, group in zip(plan.widths, plan.blocks, plan.groups, strict=True):
            layers: list[nn.Module] = [Conv(before, width, 1)] if width != before else []
            layers += [ResidualBlock(width, group, plan.expansion, plan.depth) for _ in range(count)]
            self.stages.append(nn.Sequential(*layers))
            before = width
        self.to_rgb = Conv(before, 3, 1)

    def forward(self, z: Tensor, c: Tensor | None = None, *, truncation: float = 1.0) -> Tensor:
        """Draw images (B, 3, R, R) from z (B, z_dim), standard normal, and labels c (B, c_dim)."""
        return self.draw(self.latents(z, c, truncation=truncation))

    def latents(self, z: Tensor, c: Tensor | None = None, *, truncation: float = 1.0) -> Tensor:
        """Return what :meth:`draw` draws, (B, z_dim + label_dim): z times ``truncation``, and the label's embedding.

        Raises ThrongError when labels are missing or of another shape than the network's.
        """
        z = z * truncation
        if not self.c_dim:
            return z
        if c is None or c.shape != (len(z), self.c_dim):
            found = "none" if c is None else tuple(c.shape)
            raise ThrongError(f"this generator takes labels of shape ({len(z)}, {self.c_dim}): found {found}")
        return torch.cat([z, self.embedding(c)], dim=1)

    def draw(self, latents: Tensor, *, transform: Tensor | None = None) -> Tensor:
        """Draw images (B, 3, R, R) from latents (B, z_dim + label_dim).

        Raises ThrongError when ``transform`` is given: only StyleGAN3's input is a function of place that can be moved.
        """
        if transform is not None:
            raise ThrongError("r3gan cannot move or rotate what it draws: only a stylegan3 generator takes a transform")
        x = self.weighing(latents)[:, :, None, None] * self.basis
        single = 0 if self.half is None else max(0, len(self.stages) - self.half_rates)
        for number, stage in enumerate(self.stages):
            if number:
                x = upsample(x)
            if self.half is not None and number >= single:
                x = x.to(self.half)
            x = stage(x)
        return self.to_rgb(x.float() if self.half is not None else x)
