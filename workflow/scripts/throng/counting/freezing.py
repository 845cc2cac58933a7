"""A trained counter as inference needs it: batch norm folded into convolutions, displaced Gaussians with fixed taps."""

from __future__ import annotations

import copy
from typing import Any

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from throng.counting.layers import GauConv2d
from throng.counting.layers.frozen import frozen_layer
from throng.counting.network import Counter


def frozen(model: Counter) -> Counter:
    """Return a copy of ``model`` for inference alone, on its device; its maps differ by rounding, about 1e-6 relative.

    A convolution followed by batch norm alone takes over its gain and offset; a Gaussian layer keeps the taps that its
    means and sigma stand for (:func:`throng.counting.layers.frozen.frozen_layer`).
    """
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    for name, layer in list(twin.network.named_modules()):
        if isinstance(layer, GauConv2d):
            if not name:
                twin.network = frozen_layer(layer)
            else:
                parent, _, own = name.rpartition(".")
                setattr(twin.network.get_submodule(parent), own, frozen_layer(layer))
    if any(isinstance(module, nn.BatchNorm2d) for module in twin.network.modules()):
        twin.network = _folded(twin.network)
    return twin


class _Tracer(fx.Tracer):
    """Enters everything but PyTorch's own layers and those of :mod:`throng.counting.layers`."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        ours = m.__module__.startswith("throng.counting.layers.")
        return ours or super().is_leaf_module(m, module_qualified_name)


def _folded(network: nn.Module) -> nn.Module:
    """Return the network with every batch norm that follows a convolution alone folded into it."""
    graph = _Tracer().trace(network)
    traced = fx.GraphModule(network, graph)
    modules: dict[str, Any] = dict(traced.named_modules())
    for node in list(graph.nodes):
        before = node.args[0] if node.op == "call_module" else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        norm, convolution = modules[str(node.target)], modules[str(before.target)]
        if not (isinstance(norm, nn.BatchNorm2d) and isinstance(convolution, nn.Conv2d)):
            continue
        fused = fuse_conv_bn_eval(convolution, norm)
        traced.set_submodule(str(before.target), fused)
        modules[str(before.target)] = fused
        node.replace_all_uses_with(before)
        graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced.eval().requires_grad_(False)
