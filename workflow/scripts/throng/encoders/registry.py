"""Encoders by name, and their published ImageNet weights."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from throng.counting.backbones import read_state_dict
from throng.encoders.alexnet import alexnet
from throng.encoders.encoder import Encoder
from throng.encoders.published import convnext_tiny, resnet, vgg16
from throng.encoders.small import small
from throng.errors import ThrongError

BUILDERS: dict[str, Callable[..., Encoder]] = {
    "small": small,
    "resnet18": functools.partial(resnet, 18),
    "resnet50": functools.partial(resnet, 50),
    "vgg16": vgg16,
    "convnext-tiny": convnext_tiny,
    "alexnet": alexnet,
}
NAMES = tuple(BUILDERS)
# Before the names of the tensors in published files: of what an encoder is made of, and of the classifier.
PUBLISHED = {
    "resnet18": ("", "fc."),
    "resnet50": ("", "fc."),
    "vgg16": ("features.", "classifier."),
    "convnext-tiny": ("features.", "classifier."),
}


def build_encoder(name: str, **options: Any) -> Encoder:
    """Return a new encoder, from PyTorch's random numbers.

    Raises ThrongError for a name, an option or a value that does not exist.
    """
    known = options_of(name)
    if foreign := sorted(options.keys() - known.keys()):
        raise ThrongError(
            f"encoder {name!r} has no option {', '.join(foreign)}; known: {', '.join(sorted(known)) or 'none'}"
        )
    encoder = BUILDERS[name](**options)
    encoder.architecture = {"name": name, "options": known | options}
    return encoder


def options_of(name: str) -> dict[str, Any]:
    """Return the options of an encoder with their defaults; raises ThrongError when none is called so."""
    if name not in BUILDERS:
        raise ThrongError(f"no encoder is called {name!r}; known: {', '.join(NAMES)}")
    parameters = inspect.signature(BUILDERS[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def load_weights(encoder: Encoder, path: Path) -> None:
    """Load published weights, a state dict named as torchvision names it (.safetensors or .pth), into an encoder.

    The classifier's tensors are left aside; a .pth file is read without executing what it holds. Raises ThrongError
    when nobody publishes weights of this architecture, the file cannot be read, or a tensor is missing, foreign, or of
    another shape.
    """
    name = encoder.architecture["name"]
    if name not in PUBLISHED:
        raise ThrongError(
            f"no ImageNet weights are published for encoder {name!r}: leave weights out, or choose "
            f"{', '.join(PUBLISHED)}"
        )
    prefix, classifier = PUBLISHED[name]
    found = {key: tensor for key, tensor in read_state_dict(path).items() if not key.startswith(classifier)}
    own = {prefix + key: tensor for key, tensor in encoder.network.state_dict().items()}
    # torchvision's older files lack the number of batches
    missing = [key for key in own.keys() - found.keys() if not key.endswith("num_batches_tracked")]
    if missing:
        raise ThrongError(f"{path} has no tensor {min(missing)}: expected {name}, named as torchvision names it")
    if foreign := sorted(found.keys() - own.keys()):
        raise ThrongError(f"{path} holds a tensor {foreign[0]} that {name} has not: another network")
    for key, tensor in found.items():
        if tensor.shape != own[key].shape:
            raise ThrongError(
                f"{path}: {key} has shape {tuple(tensor.shape)}, {name} has {tuple(own[key].shape)}: another network"
            )
    encoder.network.load_state_dict({key.removeprefix(prefix): tensor for key, tensor in (own | found).items()})
