"""Backend ``transformers``: the summary of an image by an encoder such as CLIP, SigLIP or DINOv2."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.calibration.features import Features, unit
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.sections.count_synthetic import Transformers

CONFIG = "config.json"


def make(config: Transformers, files: Sequence[Path], device: str) -> Features:
    """Load the encoder; raises ThrongError when the folder, its files or the library are missing or do not fit."""
    folder = _folder(config, files)
    try:
        from transformers import AutoImageProcessor, AutoModel
    except ImportError as error:
        raise ThrongError(
            f"count_synthetic.features: a library is missing ({error}): pip install transformers"
        ) from error
    try:
        # else the library asks on the terminal whether to run what the folder brings along
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ThrongError(
            f"count_synthetic.features: {folder} is no image encoder of transformers ({error}); it needs config.json, "
            f"preprocessor_config.json and model.safetensors"
        ) from error
    if not hasattr(model, "get_image_features") and "pixel_values" not in _takes(model):
        raise ThrongError(f"count_synthetic.features: {type(model).__name__} in {folder} takes no images")
    return Encoder(config, folder, processor, model.eval().to(device))


class Encoder:
    """A loaded encoder."""

    def __init__(self, config: Transformers, folder: Path, processor: Any, model: Any) -> None:
        self.model: Mapping[str, str] | None = {"name": type(model).__name__, "sha256": _digest(folder)}
        self._mean, self._processor, self._network = config.pooling == "mean", processor, model

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return (N, D) float32 vectors of length 1."""
        import torch

        pixels = self._processor(images=list(images), return_tensors="pt", input_data_format="channels_last")
        with torch.no_grad():
            answer = self._answer(pixels["pixel_values"].to(self._network.device))
        return unit(answer.float().cpu().numpy())

    def _answer(self, pixels: Any) -> Any:
        """Return (N, D): what the model itself takes for the image as a whole, or the mean of its tokens."""
        if self._mean:
            tower = getattr(self._network, "vision_model", self._network)
            return tower(pixel_values=pixels).last_hidden_state.mean(1)
        if hasattr(self._network, "get_image_features"):
            answer = self._network.get_image_features(pixel_values=pixels)
            return answer if hasattr(answer, "float") else answer.pooler_output
        answer = self._network(pixel_values=pixels)
        summary = getattr(answer, "pooler_output", None)
        return answer.last_hidden_state[:, 0] if summary is None else summary.flatten(1)


def _folder(config: Transformers, files: Sequence[Path]) -> Path:
    folders = [path if path.is_dir() else path.parent for path in files if path.is_dir() or path.name == CONFIG]
    found = next((folder for folder in folders if (folder / CONFIG).is_file()), None)
    if found is None:
        raise ThrongError(f"count_synthetic.features.model: {config.model} is no folder with a {CONFIG}")
    return found


def _takes(model: Any) -> Sequence[str]:
    import inspect

    return list(inspect.signature(model.forward).parameters)


def _digest(folder: Path) -> str:
    """Return the hex sha256 of the names and hashes of the folder's files, sorted."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return hashlib.sha256("".join(f"{path.name} {sha256_file(path)}\n" for path in files).encode()).hexdigest()
