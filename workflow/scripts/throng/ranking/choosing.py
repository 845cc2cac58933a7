"""Choosing how finely photographs are cut, among candidates and without a label."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.errors import ThrongError
from throng.ranking.fitted import FittedCounter
from throng.ranking.partition import DENSE, EMPTY, NOBODY, SPARSE, Part, Partition, merged_map
from throng.ranking.selection import PowerLaw, agreement, block_counts, sinkhorn_distance

# two sets are compared at as many equal shares: more would cost time by the square and say no more
SHARES = 64
SINKHORN, AGREEMENT = "sinkhorn", "agreement"
Reader = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Belief:
    """What is believed of photographs: people in the fullest one, blocks along a side, exponent of the power law."""

    most_people: float
    blocks: int = 3
    alpha: float = 2.0

    def prior(self, photographs: int) -> PowerLaw:
        """Return the prior of the people in the blocks of so many photographs."""
        most = max(self.most_people / self.blocks, 1 + 1e-6)
        return PowerLaw(most, max(2, photographs * self.blocks**2), self.alpha)


@dataclass(frozen=True)
class Scenes:
    """What candidates are judged on: unlabelled photographs, and synthesised images with the people they show."""

    photographs: Sequence[Reader]
    synthetic: Sequence[Reader]
    people: Sequence[float]


def choose_counter(
    candidates: Sequence[FittedCounter],
    scenes: Scenes,
    belief: Belief,
    *,
    by: str,
    dense_quantile: float = 0.67,
) -> tuple[FittedCounter, list[dict[str, Any]]]:
    """Return the candidate with the least criterion ``by``, and what every one of them came to, in their order.

    Candidates are counters that differ in how they cut photographs. "sinkhorn" is the distance,
    :func:`throng.ranking.selection.sinkhorn_distance`, of the people in the blocks of the photographs to ``belief``'s
    prior; "agreement" the mean absolute error on the synthesised images, cut up in the same way. Both are told of every
    candidate where there is something to measure on. What is "dense" of a guided candidate is the ``dense_quantile`` of
    its parts' people over the photographs. Raises ThrongError when candidates cannot be told apart or a guided one has
    no photographs.
    """
    lacking = {SINKHORN: scenes.photographs, AGREEMENT: scenes.synthetic}[by]
    if len(candidates) > 1 and not lacking:
        what = "unlabelled training photographs" if by == SINKHORN else "held-out synthesised images"
        raise ThrongError(f"candidates cannot be told apart by {by} without {what}: give them, or name one candidate")
    settled = [_with_density(candidate, scenes, dense_quantile) for candidate in candidates]
    records: list[dict[str, Any]] = []
    for candidate in settled:
        record: dict[str, Any] = {"n": candidate.partition.n, "dense_from": candidate.partition.dense_from}
        record |= _on_photographs(candidate, scenes.photographs, belief)
        counts = [candidate.count(read()) for read in scenes.synthetic]
        known = agreement(counts, scenes.people) if counts else None
        records.append(record | {AGREEMENT: known})
    if len(settled) == 1:
        return settled[0], records
    values = [record[by] if by == SINKHORN else record[by]["mae"] for record in records]
    return settled[int(np.argmin(values))], records


def _with_density(counter: FittedCounter, scenes: Scenes, quantile: float) -> FittedCounter:
    """Return the counter; a guided one with the people from which a part is dense."""
    if counter.partition.kind != "guided":
        return counter
    if not scenes.photographs:
        raise ThrongError(
            "partition guided learns what is dense from unlabelled training photographs: there are none; ingest some, "
            "or choose another partition"
        )
    whole = counter.cut_by(Partition("full", 1))
    people = block_counts([whole.map(read()) for read in scenes.photographs], counter.partition.n)
    dense_from = max(NOBODY, float(np.quantile(people, quantile)))
    return counter.cut_by(dataclasses.replace(counter.partition, dense_from=dense_from))


def _on_photographs(counter: FittedCounter, photographs: Sequence[Reader], belief: Belief) -> dict[str, Any]:
    """Return the distance to the prior, the mean count, and how photographs were cut."""
    if not photographs:
        return {SINKHORN: None, "mean_count": None, "parts": None}
    maps: list[np.ndarray] = []
    cut: list[Part] = []
    for read in photographs:
        image = read()
        parts = counter.parts(image)
        maps.append(merged_map(parts, image.shape, counter.map_stride(image)))
        cut += parts
    shares = (np.arange(SHARES) + 0.5) / SHARES
    found = np.quantile(block_counts(maps, belief.blocks), shares)
    record: dict[str, Any] = {
        SINKHORN: sinkhorn_distance(found, belief.prior(len(photographs)).people(SHARES)),
        "mean_count": float(np.mean([density.sum() for density in maps])),
        "parts": len(cut) / len(photographs),
    }
    if counter.partition.kind == "guided":
        record["densities"] = {
            density: sum(part.density == density for part in cut) for density in (EMPTY, SPARSE, DENSE)
        }
    return record
