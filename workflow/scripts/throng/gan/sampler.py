"""Which images and labels a step shows, as a function of the seed and the step alone: nothing of it needs to be kept.

Systematic sampling: Kitagawa, "Monte Carlo Filter and Smoother", JCGS 1996, appendix. Equal shares of classes answer
what Karras et al. (2020, ADA) leave open: labels drawn from the training histogram carry its imbalance into the
generator.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from throng.gan.data import Kind

STRATA = 10
REAL, FAKE, WRONG = 0, 1, 2
FakeLabels = Literal["drawn", "even"]


def strata(labels: np.ndarray, kind: Kind) -> np.ndarray:
    """Return the stratum of each label, int64 (N,): its class, or which of ten equally wide ranges its score is in.

    Vectors, and no labels, form one.
    """
    if kind == "class":
        return labels.astype(np.int64)
    if kind != "score" or labels.max() == labels.min():
        return np.zeros(len(labels), np.int64)
    share = (labels - labels.min()) / (labels.max() - labels.min())
    return np.minimum((share * STRATA).astype(np.int64), STRATA - 1)


def weights(labels: np.ndarray, kind: Kind, balance: float) -> np.ndarray:
    """Return how often each image is shown, float64 (N,), mean 1.

    ``balance`` 0 shows each alike, 1 every stratum that is not empty alike, and between them a mean of both.
    """
    members = strata(labels, kind)
    sizes = np.bincount(members)
    even = len(labels) / (np.count_nonzero(sizes) * sizes[members])
    return (1 - balance) + balance * even


@dataclass(frozen=True)
class Sampler:
    """The images and labels of every step of ``batch`` images.

    ``labels`` (N,) or (N, K) are the training set's. With ``mirror`` its flipped images double it: index N + i is image
    i flipped. ``balance`` weighs the strata (see :func:`weights`); ``fake_labels`` of generated images are drawn as
    those of the photographs, or from all strata alike.
    """

    labels: np.ndarray
    kind: Kind
    batch: int
    seed: int
    balance: float = 0.0
    mirror: bool = False
    fake_labels: FakeLabels = "drawn"

    def real(self, step: int) -> np.ndarray:
        """Return the images of step 1, 2, ...: int64 (batch,), each shown once per epoch where they weigh alike."""
        numbers = np.arange((step - 1) * self.batch, step * self.batch)
        return np.array([self._epoch(number // self._size)[number % self._size] for number in numbers.tolist()])

    def fake(self, step: int, phase: int = 0) -> np.ndarray:
        """Return images whose labels the generated ones of a step and phase bear, int64 (batch,) below N."""
        rng = np.random.default_rng([self.seed, FAKE, step, phase])
        return np.searchsorted(self._cumulated, rng.random(self.batch), side="right").clip(max=len(self.labels) - 1)

    def wrong(self, step: int, shown: np.ndarray) -> np.ndarray:
        """Return, for images ``shown`` (B,), images with another label: int64 (B,) below N.

        Of classes another one, each alike; of scores one at least a quarter of all ranks away. Where all labels are
        one, the image itself.
        """
        rng = np.random.default_rng([self.seed, WRONG, step])
        own = shown % len(self.labels)
        if self.kind == "score":
            ranks = np.argsort(np.argsort(self.labels, kind="stable"), kind="stable")
            apart = len(self.labels) // 4 + rng.integers(0, max(1, len(self.labels) // 2), len(own))
            return np.argsort(self.labels, kind="stable")[(ranks[own] + apart) % len(self.labels)]
        groups = self._groups
        return np.array([self._another(groups, int(image), rng) for image in own], np.int64)

    def _another(self, groups: dict[bytes, np.ndarray], image: int, rng: np.random.Generator) -> int:
        own = self.labels[image].tobytes()
        others = [members for label, members in groups.items() if label != own]
        if not others:
            return image
        members = others[int(rng.integers(len(others)))]
        return int(members[rng.integers(len(members))])

    @functools.cached_property
    def _groups(self) -> dict[bytes, np.ndarray]:
        found: dict[bytes, list[int]] = {}
        for image, label in enumerate(self.labels):
            found.setdefault(label.tobytes(), []).append(image)
        return {label: np.array(found[label]) for label in sorted(found)}

    @property
    def _size(self) -> int:
        return len(self.labels) * (2 if self.mirror else 1)

    @functools.cached_property
    def _cumulated(self) -> np.ndarray:
        share = weights(self.labels, self.kind, 1.0 if self.fake_labels == "even" else self.balance)
        return np.cumsum(share / share.sum())

    @functools.cached_property
    def _orders(self) -> dict[int, np.ndarray]:
        return {}

    def _epoch(self, epoch: int) -> np.ndarray:
        """Return one epoch's images: systematic draws, so that each is shown its share of times, rounded up or down."""
        kept = self._orders.get(epoch)
        if kept is not None:
            return kept
        rng = np.random.default_rng([self.seed, REAL, epoch])
        order = rng.permutation(self._size)
        share = np.tile(weights(self.labels, self.kind, self.balance), 2 if self.mirror else 1)[order]
        # sums of shares that are all 1 are exact, so that then each image is drawn once
        places = np.searchsorted(np.cumsum(share), np.arange(self._size) + rng.random(), side="right")
        drawn = rng.permutation(order[places.clip(max=self._size - 1)])
        for old in [number for number in self._orders if number < epoch - 1]:
            self._orders.pop(old, None)
        self._orders[epoch] = drawn
        return drawn
