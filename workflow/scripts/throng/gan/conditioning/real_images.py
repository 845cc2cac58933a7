"""Real images for judges: some to learn from, the others to be tried on.

Source: own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throng.errors import ThrongError
from throng.gan.conditioning.asked import Asked, expected_people
from throng.gan.conditioning.boundaries import count_boundaries
from throng.seeds import sample_seed

if TYPE_CHECKING:
    from throng.gan.data import TrainingSet

FEWEST = 8


@dataclass(frozen=True)
class Split:
    """Indices into a training set: what judges may learn from, and what none of them has seen."""

    learn: np.ndarray
    held_out: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """Return all indices that were chosen, rising."""
        return np.sort(np.concatenate([self.learn, self.held_out]))


@dataclass(frozen=True)
class People:
    """What numbers of people mean among the real images: how many each label stands for, and which class each is.

    ``asked`` (K,) and ``own`` (N,) are expected people, ``cuts`` (K - 1,) the boundaries of classes; None where labels
    are scores.
    """

    asked: np.ndarray
    own: np.ndarray
    cuts: np.ndarray | None


def by_hash(ids: Sequence[str], seed: int) -> np.ndarray:
    """Return the indices (N,) of images in an order that their ids and the seed alone decide."""
    return np.array(sorted(range(len(ids)), key=lambda n: (sample_seed(seed, "evaluate_gan", ids[n]), n)), int)


def split(ids: Sequence[str], *, share: float, most: int, seed: int) -> Split:
    """Split the first ``most`` images by hash, a ``share`` of them to be held out; one image under two names is one.

    Raises ThrongError when fewer than 8 would be held out.
    """
    order = by_hash(ids, seed)[:most]
    held = round(share * len(order))
    # copies of one image have one hash and stand together: none may lie on both sides
    while 0 < held < len(order) and ids[order[held]] == ids[order[held - 1]]:
        held += 1
    if held < FEWEST or held == len(order):
        raise ThrongError(
            f"{held} of {len(order)} real images would be held out: at least {FEWEST} are needed, and some to learn "
            f"from; raise conditioning.held_out or give more images"
        )
    return Split(np.sort(order[held:]), np.sort(order[:held]))


def people_of(asked: Asked, counts: np.ndarray | None) -> People | None:
    """Return what numbers of people mean, by all real images' counts (N,); None where nobody knows them."""
    if counts is None:
        return None
    stands_for, own = expected_people(asked, counts)
    cuts = count_boundaries(counts, asked.group, len(asked.values)) if asked.ordered_classes else None
    return People(stands_for, own, cuts)


def stacked(images: TrainingSet, indices: np.ndarray) -> np.ndarray:
    """Return images ``indices`` as (B, R, R, 3) uint8 RGB."""
    return np.stack([images.pixels(int(index)) for index in indices])
