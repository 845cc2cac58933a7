"""Feature extractors by name: a random network built in, throng's own encoders, Inception v3, and DINOv2."""

from __future__ import annotations

import importlib
from pathlib import Path

from throng.errors import ThrongError
from throng.gan.metrics.extractor import Extractor, batched, features_of

__all__ = ["KINDS", "Extractor", "batched", "features_of", "load_extractor"]

# kind: the module that makes it, and what its path names
KINDS = {
    "random": ("random_network", None),
    "encoder": ("own_encoder", "a network of pretrain_rank, pretrain_count or fit_counts"),
    "inception": ("inception", "the FID Inception weights of 2015, a state dict (.safetensors or .pth)"),
    "torchscript": ("torchscript", "a TorchScript file, whose own graph is executed"),
    "dinov2": ("dinov2", "the folder of a Dinov2Model of transformers"),
}


def load_extractor(kind: str, path: Path | None = None, *, seed: int = 0, device: str = "cpu") -> Extractor:
    """Return the extractor of a kind in KINDS, on ``device``; only its module is imported.

    ``path`` names its weights, ``seed`` draws those of ``random``, which has none. Nothing is ever downloaded. Raises
    ThrongError for an unknown kind, a path that is missing or of something else, or one that is not taken.
    """
    if kind not in KINDS:
        raise ThrongError(f"no feature extractor is called {kind!r}; known: {', '.join(KINDS)}")
    module, wants = KINDS[kind]
    make = importlib.import_module(f"throng.gan.metrics.{module}").make
    if wants is None:
        if path is not None:
            raise ThrongError(f"feature extractor {kind!r} draws its own weights: leave out {path}")
        return make(seed, device)
    if path is None:
        raise ThrongError(f"feature extractor {kind!r} needs a path: {wants}")
    return make(path, device)
