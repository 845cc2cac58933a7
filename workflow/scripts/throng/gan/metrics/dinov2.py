"""Extractor ``dinov2``: the summary of an image by DINOv2, which has seen no ImageNet labels."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from throng.counting.backbones import IMAGENET_MEAN, IMAGENET_STD
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.gan.metrics.extractor import Extractor

SIDE = 224
NOTE = "DINOv2: comparable with distances of the same weights (digest) at 224 x 224 pixels, with none of Inception"


def make(folder: Path, device: str) -> Extractor:
    """Return the normalised class token of a Dinov2Model in a local folder (config.json, *.safetensors).

    Images are resized to 224 x 224 pixels, antialiased and bicubic, and normalised by ImageNet's mean and deviation.
    Raises ThrongError when the folder is missing, of another model, or its weights do not fit its configuration.
    Source: Stein et al., "Exposing flaws of generative model evaluation metrics", NeurIPS 2023, section 3 (why DINOv2).
    """
    model = _model(folder).eval().requires_grad_(False).to(device)
    if SIDE % model.config.patch_size:
        raise ThrongError(f"{folder} has patches of {model.config.patch_size} pixels, which do not divide {SIDE}")
    mean = torch.tensor(IMAGENET_MEAN, device=device)[:, None, None]
    deviation = torch.tensor(IMAGENET_STD, device=device)[:, None, None]

    def summary(images: torch.Tensor) -> torch.Tensor:
        resized = functional.interpolate(images / 255, (SIDE, SIDE), mode="bicubic", antialias=True)
        return model(pixel_values=(resized - mean) / deviation).pooler_output

    return Extractor("dinov2", _digest(folder), model.config.hidden_size, False, NOTE, device, summary)


def _model(folder: Path):
    from transformers import AutoConfig, Dinov2Model

    if not (folder / "config.json").is_file():
        raise ThrongError(f"{folder} is no folder with a config.json: name the folder of a Dinov2Model of transformers")
    try:
        kind = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).model_type
        if kind != "dinov2":
            raise ThrongError(f"{folder} holds a model of type {kind!r}: expected dinov2")
        options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
        model, found = Dinov2Model.from_pretrained(folder, **options)  # pyright: ignore[reportGeneralTypeIssues]
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ThrongError(f"{folder} cannot be read as a Dinov2Model: {error}") from error
    # transformers itself would go on with random numbers in their place
    if missing := sorted(found["missing_keys"]):
        raise ThrongError(f"{folder} has no tensor {missing[0]}: its weights are of another network")
    return model


def _digest(folder: Path) -> str:
    """Return the hex sha256 of the names and hashes of the folder's configuration and weights, sorted."""
    files = [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256("".join(f"{path.name} {sha256_file(path)}\n" for path in files).encode()).hexdigest()
