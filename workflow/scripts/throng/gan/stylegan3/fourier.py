"""The generator's input, sine waves that styles turn and shift: Karras et al., NeurIPS 2021, sections 3.1 and 3.2."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from throng.gan.stylegan3.linear import Linear


class FourierInput(nn.Module):
    """Draw ``channels`` waves on a grid of ``size`` x ``size`` samples at ``rate`` samples per image width, then mix.

    Frequencies are uniform in the disc of radius ``cutoff`` (cycles per width), phases uniform; both are fixed. A
    style's linear map gives rotation (cosine, sine) and translation of the field. Waves that a transform pushes
    above the cutoff fade, and are gone at rate / 2.
    """

    frequencies: Tensor
    phases: Tensor

    def __init__(self, w_dim: int, channels: int, *, size: int, rate: float, cutoff: float) -> None:
        super().__init__()
        self.size = size
        self.rate = rate
        self.cutoff = cutoff
        angle = 2 * math.pi * torch.rand(channels)
        radius = cutoff * torch.rand(channels).sqrt()
        self.register_buffer("frequencies", torch.stack([angle.cos(), angle.sin()], dim=1) * radius[:, None])
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = Linear(w_dim, 4, zero=True)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))

    def forward(self, w: Tensor, inverse: Tensor | None = None) -> Tensor:
        """Return (B, channels, size, size) of styles (B, w_dim).

        ``inverse`` (B or 1, 3, 3) takes a place in the picture to where its content is looked up.
        """
        places = _learnt_transform(self.affine(w))
        if inverse is not None:
            places = places @ inverse.to(places)
        # f . (A x + b) + phase = (f A) . x + (f . b + phase)
        frequencies = self.frequencies @ places[:, :2, :2]
        phases = self.phases + (places[:, None, :2, 2] * self.frequencies).sum(2)
        radius = frequencies.square().sum(2).sqrt()
        amplitudes = (1 - (radius - self.cutoff) / (self.rate / 2 - self.cutoff)).clamp(0, 1)
        axis = (torch.arange(self.size, device=w.device, dtype=frequencies.dtype) + 0.5 - self.size / 2) / self.rate
        along_x = frequencies[:, :, 0, None] * axis
        along_y = frequencies[:, :, 1, None] * axis + phases[:, :, None]
        waves = (2 * math.pi * (along_y[:, :, :, None] + along_x[:, :, None, :])).sin() * amplitudes[:, :, None, None]
        mix = self.weight / math.sqrt(self.weight.shape[1])
        return (mix @ waves.flatten(2)).unflatten(2, (self.size, self.size))


def _learnt_transform(numbers: Tensor) -> Tensor:
    """Return (B, 3, 3) matrices, rotation after inverse translation, of (B, 4): cosine, sine, x, y."""
    scaled = numbers / numbers[:, :2].square().sum(1, keepdim=True).sqrt()
    cosine, sine, x, y = scaled.unbind(1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rotated = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], dim=1).unflatten(1, (3, 3))
    shifted = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1).unflatten(1, (3, 3))
    return rotated @ shifted
