"""Networks from a picture to a vector of counts >= 0: an encoder and a head whose outputs can add up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from throng.encoders.encoder import Encoder
from throng.encoders.files import read_network, save_network
from throng.encoders.pooling import sum_features
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError

HeadName = Literal["sum", "connected"]
HIDDEN = 4096  # of the two layers before the counts in Noroozi et al.'s AlexNet


class CountingNetwork(nn.Module):
    """phi: (B, 3, H, W) uint8 or float pixels 0..255 to (B, units) float32 >= 0, the counts of as many primitives."""

    def __init__(self, encoder: Encoder, head: Summed | Connected) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    @property
    def units(self) -> int:
        """Return how many primitives are counted."""
        return self.head.units

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return (B, units) counts; raises ThrongError for pictures of another size than a connected head's."""
        return self.head(self.encoder(pixels)).float()


class Summed(nn.Module):
    """Counts per cell by a 1x1 convolution and ReLU, summed over the picture in units of ``reference_cells``.

    A mean instead would tie a whole picture to a quarter of its tiles' sum whatever is learnt.
    """

    def __init__(self, features: int, units: int, reference_cells: float) -> None:
        super().__init__()
        self.units = units
        self.reference_cells = reference_cells
        self.count = nn.Conv2d(features, units, 1)
        _initialise(self.count)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, units) of (B, C, H, W) features of any size."""
        return sum_features(functional.relu(self.count(features)).float(), self.reference_cells)

    def card(self) -> dict[str, Any]:
        """Return what the head is built from."""
        return {"name": "sum", "units": self.units, "reference_cells": self.reference_cells}


class Connected(nn.Module):
    """AlexNet's head: max pool 3 with stride 2, two hidden layers, one of counts, each with a ReLU.

    For pictures of one size alone, ``size`` (H, W) pixels, for which the encoder gives ``cells`` (h, w).
    """

    def __init__(self, features: int, units: int, size: tuple[int, int], cells: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self.units, self.size, self.cells, self.hidden = units, size, cells, hidden
        if min(cells) < 3:
            raise ThrongError(
                f"head connected pools 3x3 cells, but tiles of {size[0]}x{size[1]} pixels give the encoder "
                f"{cells[0]}x{cells[1]}: take larger crops, or head: sum"
            )
        pooled = features * ((cells[0] - 3) // 2 + 1) * ((cells[1] - 3) // 2 + 1)
        self.layers = nn.ModuleList([nn.Linear(pooled, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, units)])
        for layer in self.layers:
            _initialise(layer)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return (B, units) of (B, C, h, w) features; raises ThrongError for other cells than it was built for."""
        if tuple(features.shape[2:]) != self.cells:
            raise ThrongError(
                f"this network counts in pictures of {self.size[0]}x{self.size[1]} pixels alone, the size of a tile: "
                f"resize them, or train one with head: sum"
            )
        activations = functional.max_pool2d(features, 3, 2).flatten(1)
        for layer in self.layers:
            activations = functional.relu(layer(activations))
        return activations

    def card(self) -> dict[str, Any]:
        """Return what the head is built from."""
        return {"name": "connected", "units": self.units, "size": list(self.size), "hidden": self.hidden}


def counting_network(
    encoder: str,
    tile: tuple[int, int],
    *,
    units: int,
    head: HeadName = "sum",
    options: Mapping[str, Any] | None = None,
) -> CountingNetwork:
    """Return a new network of the encoder of that name, for tiles of (H, W) pixels, from PyTorch's random numbers.

    "alexnet" with 1000 units and a connected head on tiles of 114 or 128 pixels is Noroozi et al.'s (2017), 34,066,792
    parameters. The reference of a summing head are the cells of a tile. ``options`` are the encoder's. Raises
    ThrongError for a name or an option that does not exist and for tiles that the head cannot take.
    """
    built = build_encoder(encoder, **(options or {}))
    if head == "sum":
        rows, columns = _cells(built, tile)
        card: dict[str, Any] = {"name": head, "units": units, "reference_cells": float(rows * columns)}
    else:
        card = {"name": head, "units": units, "size": list(tile), "hidden": HIDDEN}
    return CountingNetwork(built, _head(built, card))


def save_counting(path: Path, network: CountingNetwork, recipe: Mapping[str, Any]) -> None:
    """Write a network and how it was learnt to one file; equal content gives equal bytes."""
    save_network(
        path,
        network.encoder,
        kind="counting",
        head=network.head.state_dict(),
        head_card=network.head.card(),
        recipe=recipe,
    )


def load_counting(path: Path) -> CountingNetwork:
    """Return the network that :func:`save_counting` wrote, in evaluation mode on the CPU.

    Raises ThrongError when the file is no network of pretrain_count, or its tensors do not fit.
    """
    stored = read_network(path, kinds=("counting",))
    with torch.random.fork_rng(devices=[]):
        head = _head(stored.encoder, stored.head_card)
    try:
        head.load_state_dict(stored.head)
    except RuntimeError as error:
        raise ThrongError(f"{path}: its head is another than its header says: {error}") from error
    return CountingNetwork(stored.encoder, head).eval()


def _head(encoder: Encoder, card: dict[str, Any]) -> Summed | Connected:
    if card["name"] == "sum":
        return Summed(encoder.features, card["units"], card["reference_cells"])
    size = (card["size"][0], card["size"][1])
    return Connected(encoder.features, card["units"], size, _cells(encoder, size), card["hidden"])


def _initialise(layer: nn.Module) -> None:
    assert isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)


def _cells(encoder: Encoder, size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // encoder.stride), -(-size[1] // encoder.stride)
