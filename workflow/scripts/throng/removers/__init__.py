"""Removers: an image with what lies under a mask filled in, by a backend chosen by name."""

import importlib
from pathlib import Path

from throng.operations.counted import JOB
from throng.removers.protocol import Remover
from throng.sections.remove import MODULES, Remove


def load(config: Remove, model: Path | None) -> Remover:
    """Return the remover that the section names; only its module is imported.

    ``model`` is the weights of a backend that has any. Raises ThrongError when a library or the weights are missing
    or do not fit the section.
    """
    if model is not None:
        JOB.loaded_model()
    return importlib.import_module(MODULES[config.backend]).make(config, model)
