"""Counters: networks from a photograph to a density map, their losses, training and inference."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from throng.counting.inference import Scheme
    from throng.counting.network import Counter


# The registry is imported by its name when it is asked for: importing this package must stay cheap, and its registry
# must not become part of the code of every stage that uses one module of this room.
def build(name: str, in_channels: int = 3, **options: Any) -> nn.Module:
    """Return a new counter: (B, in_channels, H, W) normalised pixels to a non-negative density map at its ``stride``.

    The map is (B, 1, ceil(H / stride), ceil(W / stride)), people per cell. Raises ThrongError for a name or an
    option that does not exist.
    """
    return importlib.import_module("throng.counting.registry").build(name, in_channels, **options)


def describe(model: nn.Module, height: int = 768, width: int = 1024) -> str:
    """Return a counter's name, trainable parameters, stride, and GMAC for one (height, width) image, in one line."""
    return importlib.import_module("throng.counting.network").describe(model, height, width)


def load_counter(path: Path | str) -> tuple[Counter, dict[str, Any]]:
    """Return a trained counter, in evaluation mode on the CPU, and its recipe: a file, or the folder that holds one.

    Raises ThrongError when there is none, or its tensors do not fit its architecture.
    """
    path = Path(path)
    inside = path / "counter.safetensors"
    return importlib.import_module("throng.counting.registry").load_counter(inside if inside.is_file() else path)


def predict_count(model: Counter, image: np.ndarray, *, scheme: Scheme = "whole") -> tuple[float, np.ndarray]:
    """Return the count of an (H, W, 3) uint8 RGB image and its density map, float32 people per cell of the stride.

    ``scheme`` is whole, patches or windows. Raises ThrongError for another shape or type.
    """
    return importlib.import_module("throng.counting.inference").predict_count(model, image, scheme=scheme)
