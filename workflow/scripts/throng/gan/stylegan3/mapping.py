"""From latent and label to style: Karras et al., CVPR 2019, section 2; of 2 layers as in NeurIPS 2021, section 3.1."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from throng.gan.stylegan3.linear import Linear, normalised

RATE = 0.01


class Mapping(nn.Module):
    """Map z (B, z_dim) and labels c (B, c_dim) to w (B, w_dim).

    Both are divided by their root mean square, the label after a linear embedding of ``w_dim`` numbers: a label that
    is one bare number would be erased by it (see ``throng.gan.labels``). ``z_dim`` or ``c_dim`` may be 0, not both.
    """

    def __init__(self, z_dim: int, c_dim: int, w_dim: int, layers: int) -> None:
        super().__init__()
        self.embed = Linear(c_dim, w_dim) if c_dim else None
        widths = [z_dim + (w_dim if c_dim else 0)] + [w_dim] * layers
        self.layers = nn.Sequential(*(Linear(i, o, activated=True, rate=RATE) for i, o in pairwise(widths)))

    @property
    def dtype(self) -> torch.dtype:
        """Arithmetic of the weights."""
        return next(self.parameters()).dtype

    def forward(self, z: Tensor | None, c: Tensor | None) -> Tensor:
        """Return w (B, w_dim) in the dtype of the weights; ``z`` or ``c`` is None where its dimension is 0."""
        parts = [] if z is None else [normalised(z.to(self.dtype))]
        if self.embed is not None and c is not None:
            parts.append(normalised(self.embed(c.to(self.dtype))))
        return self.layers(torch.cat(parts, dim=1))
