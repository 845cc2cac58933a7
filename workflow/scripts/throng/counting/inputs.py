"""How a counter wants its pixels: grey or RGB, normalisation, and the resolution at which it counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from throng.errors import ThrongError

GREY_WEIGHTS = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class InputSpec:
    """What happens to (H, W, 3) uint8 RGB pixels before a counter sees them.

    The picture is resized by ``image_scale`` (antialiased bilinear), turned grey by ITU-R BT.601 when
    ``channels`` is 1, and normalised to (value - ``mean``) / ``std`` with both in grey levels 0..255, one for all
    channels or one for each.
    """

    channels: int = 3
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    image_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.channels not in {1, 3}:
            raise ThrongError(f"a counter takes 1 (grey) or 3 (RGB) channels, not {self.channels}")
        for name in ("mean", "std"):
            value = getattr(self, name)
            if isinstance(value, list | tuple):  # JSON has lists
                object.__setattr__(self, name, tuple(map(float, value)))
                if len(value) != self.channels:
                    raise ThrongError(f"{name} has {len(value)} values for {self.channels} channels")
        if not 0 < self.image_scale <= 4:
            raise ThrongError(f"image_scale must be above 0 and at most 4, not {self.image_scale}")

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """Return (B, 3 or 1, H, W) uint8 or float pixels 0..255 as the network's (B, channels, H, W) float32."""
        pixels = images.to(torch.float32)
        if self.channels == 1 and pixels.shape[1] == 3:
            weights = torch.tensor(GREY_WEIGHTS, device=pixels.device)
            pixels = (pixels * weights[:, None, None]).sum(1, keepdim=True)
        return (pixels - _per_channel(self.mean, pixels)) / _per_channel(self.std, pixels)

    def scaled(self, image: np.ndarray) -> np.ndarray:
        """Return an (H, W, 3) or (H, W, 1) uint8 image resized by ``image_scale``."""
        if self.image_scale == 1:
            return image
        height, width = self.scaled_shape(image.shape[0], image.shape[1])
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        resized = functional.interpolate(pixels, (height, width), mode="bilinear", antialias=True, align_corners=False)
        return resized[0].permute(1, 2, 0).contiguous().numpy()

    def scaled_shape(self, height: int, width: int) -> tuple[int, int]:
        """Return the (H, W) of an image after resizing."""
        return max(1, round(height * self.image_scale)), max(1, round(width * self.image_scale))

    def scaled_points(self, points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return (N, 2) x, y pixels of an image of ``shape`` (H, W) in the resized image's pixels."""
        height, width = self.scaled_shape(*shape)
        factor = np.array([width / shape[1], height / shape[0]])
        return (np.asarray(points, np.float64).reshape(-1, 2) + 0.5) * factor - 0.5


def _per_channel(value: float | tuple[float, ...], pixels: torch.Tensor) -> float | torch.Tensor:
    return torch.tensor(value, device=pixels.device)[:, None, None] if isinstance(value, tuple) else value
