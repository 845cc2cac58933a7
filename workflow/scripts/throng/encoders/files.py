"""One file for everything learnt on an encoder: safetensors, so loading executes nothing, with a card in its header."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from throng.encoders.encoder import Encoder
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.files import write_bytes

SCHEMA = 1
CARD = "throng.network"
# kind: what it is, in a sentence that refuses it
KINDS = {
    "ranker": "a ranker of pretrain_rank",
    "counting": "a network of pretrain_count",
    "fitted": "a fitted counter of fit_counts",
}


@dataclass(frozen=True)
class Stored:
    """What a file holds: an encoder in evaluation mode on the CPU, its head's tensors, and how it was learnt."""

    encoder: Encoder
    kind: str
    head: dict[str, torch.Tensor]
    head_card: dict[str, Any]
    recipe: dict[str, Any]


def save_network(
    path: Path,
    encoder: Encoder,
    *,
    kind: str,
    head: Mapping[str, torch.Tensor] | None = None,
    head_card: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any],
) -> None:
    """Write an encoder, its head and how it was learnt to one file, atomically; equal content gives equal bytes.

    ``head`` are the tensors behind the encoder, ``head_card`` (JSON) says what they are; ``recipe`` (JSON) is any
    record of the training. Raises ThrongError for a kind that is none of KINDS.
    """
    from safetensors.torch import save

    if kind not in KINDS:
        raise ThrongError(f"no network file is of kind {kind!r}; known: {', '.join(KINDS)}")
    card = {
        "schema": SCHEMA,
        "kind": kind,
        "architecture": encoder.architecture,
        "head": dict(head_card or {}),
        "recipe": dict(recipe),
    }
    tensors = {f"encoder.{name}": tensor for name, tensor in encoder.network.state_dict().items()}
    tensors |= {f"head.{name}": tensor for name, tensor in (head or {}).items()}
    own = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(own, metadata={CARD: json.dumps(card, sort_keys=True)}))


def read_network(path: Path, kinds: Collection[str] = tuple(KINDS)) -> Stored:
    """Read what :func:`save_network` wrote; PyTorch's random numbers are left as they are.

    Raises ThrongError when the file is missing, is none of these, is of no kind in ``kinds``, or its tensors do not fit
    its architecture.
    """
    metadata, tensors = _contents(path)
    if CARD not in metadata:
        what = "a counter of train_counter" if "throng.counter" in metadata else "weights of something else"
        raise ThrongError(f"{path} holds {what}: expected {_expected(kinds)}")
    card = json.loads(metadata[CARD])
    if card["schema"] != SCHEMA:
        raise ThrongError(f"{path} has network schema {card['schema']}, this version reads {SCHEMA}: train it again")
    if card["kind"] not in kinds:
        raise ThrongError(f"{path} holds {KINDS[card['kind']]}: expected {_expected(kinds)}")
    architecture = card["architecture"]
    with torch.random.fork_rng(devices=[]):
        encoder = build_encoder(architecture["name"], **architecture["options"])
    encoder.architecture = architecture
    _load(encoder, _below("encoder.", tensors), path)
    return Stored(encoder.eval(), card["kind"], _below("head.", tensors), card["head"], card["recipe"])


def kind_of(path: Path) -> str | None:
    """Return the kind of a network file by its header alone, None for any other file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as handle:
            metadata = handle.metadata() or {}
    except (SafetensorError, OSError):
        return None
    return json.loads(metadata[CARD])["kind"] if CARD in metadata else None


def _contents(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """Return the header's own words and the tensors of a safetensors file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ThrongError(f"no network at {path}: train one, or correct the path")
    try:
        with safe_open(str(path), framework="pt") as handle:
            return handle.metadata() or {}, {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ThrongError(f"{path} is not a readable safetensors file: {error}") from error


def _expected(kinds: Collection[str]) -> str:
    return " or ".join(KINDS[kind] for kind in kinds)


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load(encoder: Encoder, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    own = encoder.network.state_dict()
    if wrong := sorted(own.keys() ^ tensors.keys()):
        raise ThrongError(f"{path}: its encoder is another than its header says: tensor {wrong[0]} is in one alone")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise ThrongError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected {tuple(own[name].shape)}")
    encoder.network.load_state_dict(dict(tensors))
