"""Weights in a safetensors file whose header holds a JSON card: nothing in them is executed, whoever wrote them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throng.errors import ThrongError, first_line
from throng.operations.counted import JOB

if TYPE_CHECKING:
    import torch
    from torch import nn


def contents(path: Path, what: str, *, tensors: bool = True) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """Return the header's own words and the tensors, on the CPU; none of them where ``tensors`` is false.

    Raises ThrongError, naming ``what`` was expected, when there is no file or it is not readable as safetensors.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ThrongError(f"no {what} at {path}: train one, or correct the path")
    try:
        with safe_open(str(path), framework="pt") as handle:
            names = handle.keys() if tensors else []
            if tensors:
                JOB.loaded_model()
            return handle.metadata() or {}, {name: handle.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ThrongError(f"{path} is not a readable safetensors file: {first_line(error)}") from error


def card_of(path: Path, text: str, schema: int, what: str) -> dict[str, Any]:
    """Return the card that a header holds as JSON; raises ThrongError when it is malformed or of another schema."""
    with well_formed(path):
        card: dict[str, Any] = json.loads(text)
        if card["schema"] != schema:
            found = f"{path} has {what} schema {card['schema']!r}"
            raise ThrongError(f"{found}, this version reads {schema}: train it again")
        return card


# what building a network from a card raises when the card is nonsense
NONSENSE = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, MemoryError, RuntimeError)


@contextlib.contextmanager
def well_formed(path: Path) -> Iterator[None]:
    """Say that a file is damaged where its card lacks a key, or says what cannot be built."""
    try:
        yield
    except ThrongError as error:
        said = " ".join(str(error).split())
        raise ThrongError(said if said.startswith(str(path)) else f"{path}: {said}") from error
    except NONSENSE as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        raise ThrongError(f"{path}: its card is damaged or not of this version ({what}); train it again") from error


def load_into(network: nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Give a network the tensors of a file; raises ThrongError unless names and shapes are those that it has."""
    own = network.state_dict()
    missing, foreign = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or foreign:
        raise ThrongError(
            f"{path} holds another network than its header says: missing {missing[:3]}, not expected {foreign[:3]} "
            f"({len(missing)} and {len(foreign)} in all)"
        )
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise ThrongError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected {tuple(own[name].shape)}")
    network.load_state_dict(dict(tensors))
