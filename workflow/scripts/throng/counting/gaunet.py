"""GauNet (Cheng et al., CVPR 2022): four counters whose convolutions give way to displaced Gaussians.

Units per layer follow the published repository where it states them: MCNN 16 in each column's first two convolutions
and the fusing one, 2, 4 and 8 in the last two of its three columns; CSRNet three back ends in a row of 2, 4 and 8 and 8
at the output; ResNet-50 4. For SANet it states none: 4 here, in sanet-paper. In ResNet-50 the repository replaced a
shortcut's projection only; the paper's figure replaces the 3x3 inside residual blocks, which is done here, in the
third stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throng.counting.csrnet import csrnet
from throng.counting.layers import LowRank, replace
from throng.counting.layers.gauconv import Interpolation, Mode
from throng.counting.mcnn import mcnn
from throng.counting.network import Counter
from throng.counting.resnet import resnet
from throng.counting.sanet import sanet

BASES = {
    "gaunet-mcnn": (mcnn, "mcnn"),
    "gaunet-csrnet": (csrnet, "csrnet"),
    "gaunet-sanet": (sanet, "sanet-paper"),
    "gaunet-resnet50": (resnet, "resnet50"),
}
# Names of convolutions, and the units that take their place.
UNITS: dict[str, tuple[tuple[str, int], ...]] = {
    "gaunet-mcnn": (
        ("branch?.[02].conv", 16),
        ("branch1.[45].conv", 2),
        ("branch2.[45].conv", 4),
        ("branch3.[45].conv", 8),
        ("fuse.0.conv", 16),
    ),
    "gaunet-csrnet": (("back.0.*", 2), ("back.1.*", 4), ("back.2.*", 8), ("output", 8)),
    "gaunet-sanet": (("*", 4),),
    "gaunet-resnet50": (("backbone.layer3.*.conv2", 4),),
}


def gaunet(
    name: str,
    in_channels: int = 3,
    *,
    mode: Mode = "shift",
    interpolation: Interpolation = "exact",
    low_rank: Mapping[str, Any] | None = None,
    **options: Any,
) -> Counter:
    """Return a GauNet for grey (1) or RGB (3) input; everything that is not replaced is the base counter's own.

    ``mode`` and ``interpolation`` are :class:`~throng.counting.layers.GauConv2d`'s, ``low_rank`` the fields of its
    LowRank; ``options`` are the base counter's, such as ``weights`` for a backbone.
    """
    if name == "gaunet-csrnet":
        options["stacks"] = 3
    base, base_name = BASES[name]
    model = base(base_name, in_channels, **options)
    layer_options: dict[str, Any] = {"interpolation": interpolation}
    if low_rank is not None:
        layer_options["low_rank"] = LowRank(**low_rank)
    for pattern, units in UNITS[name]:
        replace(model.network, pattern, units, mode, **layer_options)
    return model
