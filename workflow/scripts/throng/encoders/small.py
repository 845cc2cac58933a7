"""A light encoder for CPUs, without any norm."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from throng.counting.network import initialise
from throng.encoders.encoder import Encoder
from throng.errors import ThrongError

WIDTHS = (1, 2, 4, 6, 6)
STRIDES = (2, 2, 2, 2, 1)


def small(*, width: int = 32) -> Encoder:
    """Return five 3x3 convolutions with ReLUs, the first of ``width`` and the last of 6 ``width`` channels, stride 16.

    There is no norm, so that a cell's features depend on the 63 x 63 pixels around it alone: not on the rest of the
    picture, as with group norm, which would keep what is in its parts from adding up, nor on the batch. He's
    initialisation keeps features alive without. Raises ThrongError for a width that is no whole number above 0.
    """
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise ThrongError(f"encoder small: width must be a whole number above 0, not {width!r}")
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = 3
    for number, (times, stride) in enumerate(zip(WIDTHS, STRIDES, strict=True), 1):
        modules[f"conv{number}"] = nn.Conv2d(inputs, times * width, 3, stride=stride, padding=1)
        modules[f"relu{number}"] = nn.ReLU()
        inputs = times * width
    network = nn.Sequential(modules)
    initialise(network, "he")
    return Encoder(network, stages=[f"relu{number}" for number in range(1, 6)], features=inputs, stride=16)
