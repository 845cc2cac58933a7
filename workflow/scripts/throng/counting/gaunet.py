"""GauNet (Cheng et al., CVPR 2022): four counters whose convolutions give way to displaced Gaussians.

Units per layer follow the published repository where it states them: MCNN 16 in each column's first two convolutions
and the fusing one, 2, 4 and 8 in the last two of its three columns; CSRNet three back ends in a row of 2, 4 and 8 and 8
at the output; ResNet-50 4. For SANet it states none: 4 here, in sanet-paper. In ResNet-50 the repository replaced a
shortcut's projection only; the paper's figure replaces the 3x3 inside residual blocks, which is done here, in the
third stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from throng.counting.csrnet import csrnet
from throng.counting.layers import LowRank, replace
from throng.counting.layers.gauconv import Interpolation, Mode
from throng.counting.mcnn import mcnn
from throng.counting.network import Counter, keyword_options
from throng.counting.resnet import resnet
from throng.counting.sanet import sanet
from throng.errors import ThrongError


class Base(NamedTuple):
    """The counter that a GauNet starts as: its builder, its name there, and the options that are not free any more."""

    build: Callable[..., Counter]
    name: str
    fixed: Mapping[str, Any] = {}


BASES = {
    "gaunet-mcnn": Base(mcnn, "mcnn"),
    "gaunet-csrnet": Base(csrnet, "csrnet", {"stacks": 3}),
    "gaunet-sanet": Base(sanet, "sanet-paper"),
    "gaunet-resnet50": Base(resnet, "resnet50"),
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
    base = BASES[name]
    model = base.build(base.name, in_channels, **options, **base.fixed)
    layer_options: dict[str, Any] = {"interpolation": interpolation}
    if low_rank is not None:
        layer_options["low_rank"] = _low_rank(low_rank)
    for pattern, units in UNITS[name]:
        replace(model.network, pattern, units, mode, **layer_options)
    return model


def options(name: str) -> dict[str, Any]:
    """Return the options of a GauNet with their defaults: its layers' and its base counter's."""
    base = BASES[name]
    free = {key: value for key, value in keyword_options(base.build).items() if key not in base.fixed}
    return free | keyword_options(gaunet)


def _low_rank(given: Mapping[str, Any]) -> LowRank:
    kinds = {field.name: type(field.default) for field in fields(LowRank)}
    if not isinstance(given, Mapping) or not given.keys() <= kinds.keys():
        raise ThrongError(f"low_rank takes {', '.join(kinds)} by name, not {given!r}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    for key, value in values.items():
        if type(value) is not kinds[key]:
            raise ThrongError(f"low_rank.{key} must be like {getattr(LowRank, key)!r}, not {value!r}")
    return LowRank(**values)
