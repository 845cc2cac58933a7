"""Gaussian layers in place of a network's convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from throng.counting.layers.gauconv import GauConv2d, Mode
from throng.errors import ThrongError

Selector = str | Sequence[str] | Callable[[str, nn.Conv2d], bool]


def replace(model: nn.Module, selector: Selector, k: int, mode: Mode = "shift", **options: Any) -> nn.Module:
    """Put ``GauConv2d`` layers of ``k`` units in place of the selected convolutions of ``model``, and return it.

    ``selector`` is a shell pattern of dotted module names ("layer3.*.conv2"), several of them, or a function of a name
    and its convolution. Channels, stride and the presence of a bias stay; ``max_kernel_size`` is the replaced kernel's
    extent, at least 9, and ``options`` are GauConv2d's own. New layers start afresh; everything else keeps its weights,
    its place and its names. The model is changed in place (a lone convolution comes back replaced).

    Raises ThrongError when nothing is selected, or a selected convolution is grouped, not square, or not 'same'.
    """
    chosen = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and _selects(selector, name, module)
    ]
    if not chosen:
        raise ThrongError(f"no convolution of {type(model).__name__} is selected by {selector!r}")
    layers = {name: _gaussian(name, convolution, k, mode, options) for name, convolution in chosen}
    for name, layer in layers.items():
        if not name:
            return layer
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer)
    return model


def _selects(selector: Selector, name: str, convolution: nn.Conv2d) -> bool:
    if callable(selector):
        return selector(name, convolution)
    patterns = [selector] if isinstance(selector, str) else selector
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _gaussian(name: str, convolution: nn.Conv2d, k: int, mode: Mode, options: dict[str, Any]) -> GauConv2d:
    kernel, dilation, stride = convolution.kernel_size[0], convolution.dilation[0], convolution.stride[0]
    square = all(len(set(pair)) == 1 for pair in (convolution.kernel_size, convolution.dilation, convolution.stride))
    extent = dilation * (kernel - 1) + 1
    same = convolution.padding in {"same", (extent // 2,) * 2} and convolution.padding_mode == "zeros"
    if not (square and same and kernel % 2 and convolution.groups == 1):
        raise ThrongError(
            f"{name or 'the convolution'} cannot become Gaussian: it must be odd, square, ungrouped and padded with "
            f"zeros to its own size, not {convolution}"
        )
    settings: dict[str, Any] = {"max_kernel_size": max(9, extent), "stride": stride, **options}
    layer = GauConv2d(
        convolution.in_channels,
        convolution.out_channels,
        k,
        mode=mode,
        bias=convolution.bias is not None,
        **settings,
    )
    layer.train(convolution.training)
    return layer.to(convolution.weight.device, convolution.weight.dtype)
