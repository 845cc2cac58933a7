"""The counts that a loss compares, all from one pass of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch

from throng.counting.learning_to_count.batches import Batch
from throng.counting.learning_to_count.loss import MARGIN, counting_terms
from throng.counting.learning_to_count.operators import PAPER_FILTERS, Grid, downsampled, greyed, tiles

Pairing = Literal["one_way", "symmetric"]
Phi = Callable[[torch.Tensor], torch.Tensor]


class Counts(NamedTuple):
    """Counts of P pairs: downsampled x and y (P, k), tiles of x and of y (P, T, k); the last None in one direction."""

    down_x: torch.Tensor
    tiles_x: torch.Tensor
    down_y: torch.Tensor
    tiles_y: torch.Tensor | None


def counts_of(
    phi: Phi, batch: Batch, pairing: Pairing, names: Sequence[str] = PAPER_FILTERS, grid: Grid = (2, 2)
) -> Counts:
    """Return the counts of a batch by ``phi``, (B, 3, h, w) uint8 to (B, k), in one concatenated pass.

    A pair costs 6 pictures of a tile's size in one direction, where the tiles of y are not looked at, and 10
    symmetrically. Colour is lost before anything is cut, so all terms of a picture share it.
    """
    pixels = greyed(batch.pixels, batch.grey)
    small = downsampled(pixels, batch.filters, names, grid)
    pairs = len(pixels) // 2
    cut = tiles(pixels[:pairs] if pairing == "one_way" else pixels, grid)
    number = cut.shape[1]
    whole, parts = phi(torch.cat([small, cut.flatten(0, 1)])).split([len(small), cut.shape[0] * number])
    each = parts.unflatten(0, (-1, number))
    return Counts(whole[:pairs], each[:pairs], whole[pairs:], each[pairs:] if pairing == "symmetric" else None)


def loss_terms(counts: Counts, margin: float = MARGIN) -> tuple[torch.Tensor, torch.Tensor]:
    """Return matching and hinge of the pairs, those of both directions added up where there are two."""
    matching, hinge = counting_terms(counts.down_x, counts.tiles_x, counts.down_y, margin)
    if counts.tiles_y is None:
        return matching, hinge
    back = counting_terms(counts.down_y, counts.tiles_y, counts.down_x, margin)
    return matching + back[0], hinge + back[1]
