"""Extractor ``torchscript``: a scripted network by path, such as the detectors that published tools download."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.gan.metrics.extractor import Extractor

NOTE = "a TorchScript file that executes its own graph: comparable with distances of the same file (digest)"
PROBE = 64


def make(path: Path, device: str) -> Extractor:
    """Return the output of a TorchScript module of (B, 3, H, W) RGB pixels 0..255: (B, dim) or (B, dim, 1, 1).

    It resizes and scales by itself; ``return_features=True`` is passed where its ``forward`` takes that. TorchScript is
    a program: unlike every other file that throng reads, it EXECUTES what it holds, so name only files whose source you
    trust. Raises ThrongError for a file of something else, or whose output is no vector per image.
    """
    if not path.is_file() or not zipfile.is_zipfile(path) or not _scripted(path):
        raise ThrongError(f"{path} is no TorchScript file: name one that torch.jit.save wrote, or another extractor")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        network = torch.jit.load(str(path), map_location=device).eval()
    takes = [argument.name for argument in network.forward.schema.arguments]
    options = {"return_features": True} if "return_features" in takes else {}

    def features(images: torch.Tensor) -> torch.Tensor:
        try:
            found = network(images, **options)
        except RuntimeError as error:
            raise ThrongError(f"{path} cannot look at {tuple(images.shape)} RGB pixels: {_last_line(error)}") from error
        if not isinstance(found, torch.Tensor) or found.numel() != len(images) * found.shape[1]:
            raise ThrongError(f"{path} answers with no vector per image: expected (B, dim)")
        return found.reshape(len(images), -1)

    with torch.no_grad():
        dim = features(torch.zeros(1, 3, PROBE, PROBE, device=device)).shape[1]
    return Extractor("torchscript", sha256_file(path), dim, False, NOTE, device, features)


def _scripted(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _last_line(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
