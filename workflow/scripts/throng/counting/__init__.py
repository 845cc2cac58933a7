"""Counters: networks from a photograph to a density map, their losses, training and inference."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


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
