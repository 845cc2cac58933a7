"""Which sizes make a network at all: no source but the arithmetic of ``schedule``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throng.errors import ThrongError

LEAST = {
    "cmax": 1,
    "c_dim": 0,
    "z_dim": 1,
    "w_dim": 1,
    "mapping_layers": 1,
    "label_layers": 1,
    "critical": 1,
    "margin": 0,
    "w_classes": 0,
    "group": 1,
}


def check_sizes(options: Mapping[str, Any]) -> None:
    """Raise ThrongError when a generator's or a discriminator's options make no network."""
    resolution, cbase = options["resolution"], options["cbase"]
    if resolution < 8 or resolution & (resolution - 1):
        raise ThrongError(f"resolution is {resolution} pixels: expected a power of two from 8 on")
    if cbase < resolution:
        raise ThrongError(f"cbase {cbase} leaves no channel at {resolution} pixels: at least {resolution} is needed")
    for name, least in LEAST.items():
        if options.get(name, least) < least:
            raise ThrongError(f"{name} is {options[name]}: expected at least {least}")
    if "layers" in options and options["layers"] <= options["critical"]:
        raise ThrongError(
            f"{options['layers']} layers, {options['critical']} of them critical: at least one more layer is needed"
        )
