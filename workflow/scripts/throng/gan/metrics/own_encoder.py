"""Extractor ``encoder``: a network that throng trained, so that likeness is judged by what matters in crowds."""

from __future__ import annotations

from pathlib import Path

from throng.encoders.files import read_network
from throng.encoders.pooling import mean_features
from throng.files import sha256_file
from throng.gan.metrics.extractor import Extractor

NOTE = "an encoder trained by throng: comparable only with distances of this very file"


def make(path: Path, device: str) -> Extractor:
    """Return the mean over the cells of the features of an encoder file; raises ThrongError for any other file."""
    encoder = read_network(path).encoder.requires_grad_(False).to(device)
    return Extractor(
        "encoder", sha256_file(path), encoder.features, False, NOTE, device, lambda i: mean_features(encoder(i))
    )
