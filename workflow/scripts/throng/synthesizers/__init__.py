"""Synthesizers: images with a requested number of people, chosen by name."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from throng.operations.counted import JOB
from throng.sections.synthesize import MODULES, Maker
from throng.synthesizers.protocol import Material, Synthesizer


def load(
    config: Maker, material: Material | None, scratch: Path, models: Mapping[str, list[Path]] | None = None
) -> Synthesizer:
    """Return the configured synthesizer.

    ``material`` is None for a backend that needs none; ``scratch`` is a folder for what is costly to make, shared by
    jobs that run at the same time, so that who writes there writes atomically; ``models`` are files and folders by
    what they are: model, controlnet, loras. Raises ThrongError when the material, or a model, is not enough.
    """
    if models:
        JOB.loaded_model()
    return importlib.import_module(MODULES[config.backend]).make(config, material, scratch, models or {})
