"""Between the images of networks, -1..1, and pixels, 0..255 (as in Karras et al., ICLR 2018)."""

from __future__ import annotations

import torch
from torch import Tensor


def to_pixels(images: Tensor) -> Tensor:
    """Return float images (B, 3, R, R), -1..1, as uint8 pixels (B, R, R, 3), rounded and cut at both ends."""
    pixels = (images.detach().float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous()


def to_images(pixels: Tensor) -> Tensor:
    """Return uint8 pixels (B, R, R, 3) as float32 images (B, 3, R, R), -1..1; :func:`to_pixels` gives them back."""
    return (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()
