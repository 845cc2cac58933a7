"""Synthesizers: images with a requested number of people, chosen by name."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from throng.operations.counted import JOB
from throng.sections.synthesize import MODULES, Maker
from throng.synthesizers.gathered import Gathered
from throng.synthesizers.protocol import Synthesizer


def load(config: Maker, gathered: Gathered | None, models: Mapping[str, list[Path]] | None = None) -> Synthesizer:
    """Return the configured synthesizer.

    ``gathered`` is None for a backend that needs no photographs; ``models`` are files and folders by what they are:
    model, controlnet, loras. Raises ThrongError when a model is not enough.
    """
    if models:
        JOB.loaded_model()
    return importlib.import_module(MODULES[config.backend]).make(config, gathered, models or {})
