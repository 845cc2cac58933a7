"""Layers for counters: convolutions by displaced Gaussians, and their way into any network."""

from throng.counting.layers.gauconv import DAUConv2d, GauConv2d
from throng.counting.layers.lowrank import LowRank
from throng.counting.layers.replacing import replace

__all__ = ["DAUConv2d", "GauConv2d", "LowRank", "replace"]
