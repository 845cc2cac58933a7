"""One file for a generator or a discriminator: safetensors, so loading executes nothing, with a card in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from throng.errors import ThrongError
from throng.files import write_bytes
from throng.gan.labels import Encoding, encoding_of
from throng.gan.registry import build_discriminator, build_generator
from throng.weights import card_of, contents, load_into, well_formed

SCHEMA = 1
CARD = "throng.gan"
GENERATOR = "generator"
DISCRIMINATOR = "discriminator"


@dataclass(frozen=True)
class StoredGenerator:
    """A generator in evaluation mode on the CPU, how its labels are encoded, how it was learnt, and its sha256."""

    generator: nn.Module
    encoding: Encoding
    recipe: dict[str, Any]
    digest: str


@dataclass(frozen=True)
class StoredDiscriminator:
    """A discriminator in evaluation mode on the CPU, how its labels are encoded, how it was learnt, and its sha256."""

    discriminator: nn.Module
    encoding: Encoding
    recipe: dict[str, Any]
    digest: str


def save_generator(path: Path, generator: nn.Module, *, encoding: Encoding, recipe: Mapping[str, Any]) -> None:
    """Write a generator, its labels' encoding and its recipe (JSON) atomically; equal content gives equal bytes.

    Raises ThrongError when the encoding's dimension is not the generator's.
    """
    _save(path, generator, GENERATOR, encoding, recipe)


def save_discriminator(path: Path, discriminator: nn.Module, *, encoding: Encoding, recipe: Mapping[str, Any]) -> None:
    """Write a discriminator as :func:`save_generator` writes a generator."""
    _save(path, discriminator, DISCRIMINATOR, encoding, recipe)


def read_generator(path: Path) -> StoredGenerator:
    """Read what :func:`save_generator` wrote; PyTorch's random numbers are left as they are.

    Raises ThrongError when the file is missing, holds something else, or its tensors do not fit its architecture.
    """
    return StoredGenerator(*_read(path, GENERATOR, build_generator))


def read_discriminator(path: Path) -> StoredDiscriminator:
    """Read what :func:`save_discriminator` wrote, under the same conditions as :func:`read_generator`."""
    return StoredDiscriminator(*_read(path, DISCRIMINATOR, build_discriminator))


def read_card(path: Path) -> dict[str, Any]:
    """Return the card of a generator or discriminator by the header alone: kind, architecture, encoding, recipe.

    Raises ThrongError when the file is missing or is neither.
    """
    metadata, _ = contents(path, "generator", tensors=False)
    return _card(path, metadata)


def _save(path: Path, network: nn.Module, kind: str, encoding: Encoding, recipe: Mapping[str, Any]) -> None:
    from safetensors.torch import save

    if encoding.dim != network.c_dim:
        raise ThrongError(f"{path}: labels are encoded as {encoding.dim} numbers, the {kind} heeds {network.c_dim}")
    card = {
        "schema": SCHEMA,
        "kind": kind,
        "architecture": network.architecture,
        "encoding": encoding.card(),
        "recipe": dict(recipe),
    }
    own = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in network.state_dict().items()}
    write_bytes(path, save(own, metadata={CARD: json.dumps(card, sort_keys=True)}))


def _read(
    path: Path, kind: str, build: Callable[[Mapping[str, Any]], nn.Module]
) -> tuple[nn.Module, Encoding, dict[str, Any], str]:
    metadata, tensors = contents(path, "generator")
    card = _card(path, metadata)
    with well_formed(path), torch.random.fork_rng(devices=[]):
        if card["kind"] != kind:
            raise ThrongError(f"{path} holds a {card['kind']}: expected a {kind}")
        network, encoding, recipe = build(card["architecture"]), encoding_of(card["encoding"]), card["recipe"]
    load_into(network, tensors, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return network.eval(), encoding, recipe, digest


def _card(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    if CARD not in metadata:
        raise ThrongError(f"{path} holds weights of something else: expected a generator or discriminator of train_gan")
    return card_of(path, metadata[CARD], SCHEMA, "generator")
