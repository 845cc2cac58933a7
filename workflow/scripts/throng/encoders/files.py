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
from throng.weights import card_of, contents, load_into, well_formed

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
    metadata, tensors = contents(path, "network")
    if CARD not in metadata:
        what = "a counter of train_counter" if "throng.counter" in metadata else "weights of something else"
        raise ThrongError(f"{path} holds {what}: expected {_expected(kinds)}")
    card = card_of(path, metadata[CARD], SCHEMA, "network")
    with well_formed(path), torch.random.fork_rng(devices=[]):
        kind, head, recipe, architecture = card["kind"], card["head"], card["recipe"], card["architecture"]
        if kind not in kinds:
            raise ThrongError(f"{path} holds {KINDS[kind]}: expected {_expected(kinds)}")
        encoder = build_encoder(architecture["name"], **architecture["options"])
    encoder.architecture = architecture
    load_into(encoder.network, _below("encoder.", tensors), path)
    return Stored(encoder.eval(), kind, _below("head.", tensors), head, recipe)


def kind_of(path: Path) -> str | None:
    """Return the kind of a network file by its header alone, None for any other file."""
    try:
        metadata, _ = contents(path, "network", tensors=False)
        with well_formed(path):
            return card_of(path, metadata[CARD], SCHEMA, "network")["kind"] if CARD in metadata else None
    except ThrongError:
        return None


def _expected(kinds: Collection[str]) -> str:
    return " or ".join(KINDS[kind] for kind in kinds)


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
