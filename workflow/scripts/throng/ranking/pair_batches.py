"""Batches of ranked lists, made from a batch's number alone.

A list begins with a pair and grows by pictures of the same photograph that are ranked with those it has, up to a
length: a picture that is looked at once then serves several pairs, and the longest chain among them is ranked whole.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from throng.counting.order import Order
from throng.ranking.appearance import Look, random_look
from throng.ranking.pair_table import RankedPair
from throng.sections.pretrain_rank import Ranker

# from this share of a removed person's area on, a tile counts as one that lost somebody
OWNED = 0.5
GRID = 2


class RankBatch(NamedTuple):
    """Pictures and what is known of them.

    ``pictures`` (N, 3, H, W) uint8 RGB; ``pairs`` (P, 2) int64 are indices (more, fewer) of pictures; ``ties`` (P,)
    bool where they show as many; ``deltas`` (P,) float32 people, NaN where only the order is known; ``weights`` (P,)
    float32; ``chains`` (G, L) int64 are indices, most people first, -1 behind a chain's end; ``chain_weights`` (G,);
    ``removed`` (P, 4) int64 by tile, row by row: 1 lost somebody, 0 lost nobody, -1 unknown; ``empty`` (N,) bool where
    everyone was removed.
    """

    pictures: torch.Tensor
    pairs: torch.Tensor
    ties: torch.Tensor
    deltas: torch.Tensor
    weights: torch.Tensor
    chains: torch.Tensor
    chain_weights: torch.Tensor
    removed: torch.Tensor
    empty: torch.Tensor


class RankBatches:
    """Batches as a pure function of their number: an epoch begins a list with every pair once, in a shuffled order."""

    def __init__(self, pairs: Sequence[RankedPair], pictures: Sequence[np.ndarray], options: Ranker, seed: int) -> None:
        self._pairs, self._pictures, self._options, self._seed = pairs, pictures, options, seed
        self._order = Order([1.0] * len(pairs), [], options.batch_pairs, seed)
        self._emptied = {pair.fewer for pair in pairs if pair.emptied}
        self._of_picture: dict[int, list[int]] = defaultdict(list)
        for index, pair in enumerate(pairs):
            self._of_picture[pair.more].append(index)
            self._of_picture[pair.fewer].append(index)

    def __call__(self, number: int) -> RankBatch:
        """Return batch ``number``."""
        images: list[np.ndarray] = []
        empty: list[bool] = []
        pairs: list[RankedPair] = []
        removed: list[np.ndarray] = []
        chains: list[tuple[list[int], float]] = []
        for place, first in enumerate(self._order.batch(number)):
            rng = np.random.default_rng([self._seed, 1, number, place])
            members = self._members(first, rng)
            ranked = self._ranked(members)
            seen = [self._pictures[member] for member in members]
            look = random_look(self._options.appearance, seen[0], rng)
            at = {member: len(images) + index for index, member in enumerate(members)}
            images += map(look, seen)
            empty += [member in self._emptied for member in members]
            pairs += [_renumbered(pair, at) for pair in ranked]
            removed += [lost_tiles(pair, look, self._options.size) for pair in ranked]
            chains.append(longest_chain([_renumbered(pair, at) for pair in ranked]))
        return _batch(images, empty, pairs, removed, [chain for chain in chains if len(chain[0]) > 1])

    def _members(self, first: int, rng: np.random.Generator) -> list[int]:
        """Return the pictures of the list that a pair begins."""
        members = [self._pairs[first].more, self._pairs[first].fewer]
        while len(members) < self._options.list_length:
            near = {end for member in members for pair in self._of_picture[member] for end in self._ends(pair)}
            if not (further := sorted(near - set(members))):
                break
            members.append(further[int(rng.integers(len(further)))])
        return members

    def _ends(self, index: int) -> tuple[int, int]:
        return self._pairs[index].more, self._pairs[index].fewer

    def _ranked(self, members: Sequence[int]) -> list[RankedPair]:
        """Return all pairs between the members of a list."""
        among = {index for member in members for index in self._of_picture[member]}
        return [self._pairs[index] for index in sorted(among) if set(self._ends(index)) <= set(members)]


def longest_chain(pairs: Sequence[RankedPair]) -> tuple[list[int], float]:
    """Return the longest chain of pictures, most people first, that ordered pairs link, and its links' mean weight.

    The first of equally long ones by number; nothing when all pairs are ties. Pairs must be free of cycles.
    """
    below: dict[int, list[RankedPair]] = defaultdict(list)
    for pair in pairs:
        if not pair.tie:
            below[pair.more].append(pair)
    longest: dict[int, tuple[list[int], float]] = {}

    def from_here(member: int) -> tuple[list[int], float]:
        if member not in longest:
            best: tuple[list[int], float] = ([member], 0.0)
            for pair in sorted(below[member], key=lambda pair: pair.fewer):
                chain, weight = from_here(pair.fewer)
                if len(chain) + 1 > len(best[0]):
                    best = ([member, *chain], weight + pair.weight)
            longest[member] = best
        return longest[member]

    chains = [from_here(member) for member in sorted(below)]
    chain, weight = max(chains, key=lambda found: len(found[0]), default=([], 0.0))
    return chain, weight / max(1, len(chain) - 1)


def lost_tiles(pair: RankedPair, look: Look, size: tuple[int, int]) -> np.ndarray:
    """Return for each of four tiles (row by row) whether the pair's second picture lost somebody there, (4,) int64.

    1: at least half of a removed person's box lies in it; 0: no part of any does; -1: a smaller part, or unknown.
    """
    if pair.boxes is None:
        return np.full(GRID**2, -1)
    height, width = size
    left, top, right, bottom = look.moved(pair.boxes * [width, height, width, height], size).T
    areas = np.maximum((right - left) * (bottom - top), np.finfo(np.float64).tiny)
    found: list[int] = []
    for tile in range(GRID**2):
        y, x = tile // GRID * height / GRID, tile % GRID * width / GRID
        across = np.minimum(right, x + width / GRID) - np.maximum(left, x)
        down = np.minimum(bottom, y + height / GRID) - np.maximum(top, y)
        shares = np.maximum(across, 0) * np.maximum(down, 0) / areas
        found.append(1 if (shares >= OWNED).any() else -1 if (shares > 0).any() else 0)
    return np.array(found)


def _renumbered(pair: RankedPair, at: dict[int, int]) -> RankedPair:
    return dataclasses.replace(pair, more=at[pair.more], fewer=at[pair.fewer])


def _batch(
    images: Sequence[np.ndarray],
    empty: Sequence[bool],
    pairs: Sequence[RankedPair],
    removed: Sequence[np.ndarray],
    chains: Sequence[tuple[list[int], float]],
) -> RankBatch:
    length = max((len(chain) for chain, _ in chains), default=0)
    filled = [chain + [-1] * (length - len(chain)) for chain, _ in chains]
    return RankBatch(
        pictures=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2),
        pairs=torch.tensor([(pair.more, pair.fewer) for pair in pairs]),
        ties=torch.tensor([pair.tie for pair in pairs]),
        deltas=torch.tensor([pair.delta for pair in pairs]),
        weights=torch.tensor([pair.weight for pair in pairs]),
        chains=torch.tensor(filled, dtype=torch.int64).reshape(len(chains), length),
        chain_weights=torch.tensor([weight for _, weight in chains]),
        removed=torch.from_numpy(np.stack(removed)),
        empty=torch.tensor(empty),
    )
