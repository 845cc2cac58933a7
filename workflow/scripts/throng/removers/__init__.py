"""Removers: an image with what lies under a mask filled in, by a backend chosen by name."""

import importlib

from throng.removers.protocol import Remover
from throng.sections.remove import MODULES, Remove


def load(config: Remove) -> Remover:
    """Return the remover that the section names; only its module is imported."""
    return importlib.import_module(MODULES[config.backend]).make(config)
