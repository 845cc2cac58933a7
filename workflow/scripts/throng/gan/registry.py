"""Generators and discriminators by the name of their architecture."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from throng.errors import ThrongError

# each module offers Generator and Discriminator
MODULES = {"stylegan3": "throng.gan.stylegan3", "r3gan": "throng.gan.r3gan"}
NAMES = tuple(MODULES)
# how a network is run, not what it is: parameters that an architecture does not hold
RUNTIME = frozenset({"implementation", "half", "half_rates"})


def build_generator(architecture: Mapping[str, Any]) -> nn.Module:
    """Return a new generator of {"name": ..., "options": {...}}, from PyTorch's random numbers.

    Raises ThrongError for a name, an option or a value that does not exist.
    """
    return _build(architecture, "Generator")


def build_discriminator(architecture: Mapping[str, Any]) -> nn.Module:
    """Return a new discriminator of {"name": ..., "options": {...}}, from PyTorch's random numbers.

    Raises ThrongError for a name, an option or a value that does not exist.
    """
    return _build(architecture, "Discriminator")


def _build(architecture: Mapping[str, Any], kind: str) -> nn.Module:
    name = architecture.get("name")
    if name not in MODULES:
        raise ThrongError(f"no architecture of generators is called {name!r}; known: {', '.join(NAMES)}")
    network = getattr(importlib.import_module(MODULES[name]), kind)
    options = architecture.get("options", {})
    known = set(inspect.signature(network).parameters) - RUNTIME
    if foreign := sorted(options.keys() - known):
        raise ThrongError(
            f"a {kind.lower()} of {name} has no option {', '.join(foreign)}; known: {', '.join(sorted(known))}"
        )
    return network(**options)
