"""Detectors: the people in a photograph, by a backend chosen by name."""

import importlib
from pathlib import Path

from throng.detectors.protocol import Detector
from throng.operations.counted import JOB
from throng.sections.detectors import MODULES, Annotations, Ultralytics


def load(config: Annotations | Ultralytics, model: Path | None, scratch: Path) -> Detector:
    """Return the detector that the section names; only its module is imported.

    ``model`` is the weight file of a backend that has one; ``scratch`` the only folder that a backend may write to.
    Raises ThrongError when a library or the weight file is missing or does not fit the section.
    """
    if model is not None:
        JOB.loaded_model()
    return importlib.import_module(MODULES[config.backend]).make(config, model, scratch)
