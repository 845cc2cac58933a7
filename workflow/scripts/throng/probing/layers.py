"""What every layer of a network says about a picture, pooled until it is fewer than 10,000 numbers.

Source: Zhang, Isola and Efros, "Colorful image colorization", ECCV 2016, and "Split-brain autoencoders", CVPR 2017: the
linear probe whose layers are pooled to about as many features each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from throng.errors import ThrongError

MOST_FEATURES = 10_000
BATCH = 32


class Layered(Protocol):
    """A network that shows what its layers say: pixels (B, 3, H, W), 0-255, in; a list of (B, C, h, w) out."""

    def layers(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Return the layers' activations, the first layer first."""
        ...


def pool_kernel(channels: int, height: int, width: int) -> int:
    """Return the smallest kernel, which is the stride too, that leaves fewer than 10,000 features of a layer.

    AlexNet at 256 pixels gets 7, 6, 4, 4 and 3, which leave 9600, 9216, 6144, 6144 and 9216. Raises ThrongError when
    the layer has 10,000 channels or more.
    """
    for kernel in range(1, max(height, width) + 1):
        if channels * -(-height // kernel) * -(-width // kernel) < MOST_FEATURES:
            return kernel
    raise ThrongError(f"a layer of {channels} channels cannot be pooled to fewer than {MOST_FEATURES} features")


def pool_same(activations: torch.Tensor, kernel: int) -> torch.Tensor:
    """Return means over windows, (B, C, ceil(h / kernel), ceil(w / kernel)), of (B, C, h, w) activations.

    The windows tile the layer, an incomplete rest being split between both borders, the smaller half first ("SAME");
    a window's mean is that of its cells inside the layer.
    """
    height, width = activations.shape[-2:]
    spare_y, spare_x = -height % kernel, -width % kernel
    borders = (spare_x // 2, spare_x - spare_x // 2, spare_y // 2, spare_y - spare_y // 2)
    sums = functional.avg_pool2d(functional.pad(activations, borders), kernel)
    inside = functional.avg_pool2d(functional.pad(activations.new_ones(1, 1, height, width), borders), kernel)
    return sums / inside


@torch.no_grad()
def layer_features(network: Layered, pictures: Sequence[np.ndarray] | np.ndarray, device: str) -> list[torch.Tensor]:
    """Return every layer's pooled features (N, F) float32 of pictures (H, W, 3) uint8 RGB of one size, on the CPU."""
    parts = [
        [
            pool_same(layer.float(), pool_kernel(*layer.shape[1:])).flatten(1).cpu()
            for layer in network.layers(pixel_batch(pictures[start : start + BATCH], device))
        ]
        for start in range(0, len(pictures), BATCH)
    ]
    return [torch.cat(layer) for layer in zip(*parts, strict=True)]


def pixel_batch(pictures: Sequence[np.ndarray] | np.ndarray, device: str) -> Any:
    """Return pictures (H, W, 3) uint8 as one tensor (B, 3, H, W) uint8 on a device."""
    return torch.from_numpy(np.ascontiguousarray(np.stack(list(pictures)).transpose(0, 3, 1, 2))).to(device)
