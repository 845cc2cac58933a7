"""Features: what an image looks like as a unit vector, by a backend chosen by name."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from throng.sections.count_synthetic import FEATURES, Descriptor, Transformers


class Features(Protocol):
    """Describes images; the answer for one never depends on the others."""

    model: Mapping[str, str] | None

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return (N, D) float32 vectors of length 1 for N images, each (H, W, 3) uint8 RGB of any size."""
        ...


def load(config: Descriptor | Transformers, files: Sequence[Path], device: str) -> Features:
    """Return the backend that the section names; only its module is imported.

    ``files`` are the model's folder, or files of it, of a backend that has one. Raises ThrongError when a library or
    the model is missing or of another kind.
    """
    return importlib.import_module(FEATURES[config.backend]).make(config, files, device)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return (..., D) vectors as float32 of length 1; one of length 0 becomes the constant vector."""
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    even = np.full_like(vectors, vectors.shape[-1] ** -0.5)
    return np.where(length > 0, vectors / np.where(length > 0, length, 1.0), even).astype(np.float32)
