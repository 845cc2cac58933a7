"""Synthesizers: images with a requested number of people, chosen by name."""

import importlib
from pathlib import Path

from throng.sections.synthesize import MODULES, Synthesize
from throng.synthesizers.protocol import Material, Synthesizer


def load(config: Synthesize, material: Material, scratch: Path) -> Synthesizer:
    """Return the configured synthesizer; ``scratch`` is a folder for what it wants to keep between attempts.

    Raises ThrongError when the material is not enough.
    """
    return importlib.import_module(MODULES[config.backend]).make(config, material, scratch)
