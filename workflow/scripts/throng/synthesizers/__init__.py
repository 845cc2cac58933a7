"""Synthesizers: images with a requested number of people, chosen by name."""

import importlib
from pathlib import Path

from throng.sections.synthesize import MODULES, Maker
from throng.synthesizers.protocol import Material, Synthesizer


def load(config: Maker, material: Material, scratch: Path, model: Path | None = None) -> Synthesizer:
    """Return the configured synthesizer; ``scratch`` is a folder for what it wants to keep between attempts.

    Raises ThrongError when the material, or the model, is not enough.
    """
    return importlib.import_module(MODULES[config.backend]).make(config, material, scratch, model)
