"""In which order training sees samples and ranked pairs: a pure function of seed and batch number."""

from __future__ import annotations

import bisect
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

from throng.errors import ThrongError

KEPT_EPOCHS = 4

Batches = list[list[int]]


class Order:
    """Batches of units: numbers below ``len(samples)`` are samples, the rest ranked pairs, which fill two places.

    An epoch holds every unit as often as its share says: share s means floor(s) times, and once more with the
    probability that is left, drawn anew each epoch. The epoch is shuffled, and what does not fill its last batch
    begins the next one's. A pair that finds one place left in a batch lets the next sample go first; where no sample
    is left in the epoch, the batch stays one short.
    """

    def __init__(self, samples: Sequence[float], pairs: Sequence[float], batch_size: int, seed: int) -> None:
        self._shares = np.array([*samples, *pairs], np.float64)
        self._samples, self._batch_size, self._seed = len(samples), batch_size, seed
        if not (np.isfinite(self._shares).all() and (self._shares >= 0).all()):
            raise ThrongError("a share, how often an epoch shows a sample or pair, must be a number of at least 0")
        if self._shares.sum() < 1:
            raise ThrongError(
                f"an epoch must hold at least one sample or pair, not {self._shares.sum():g}: raise shares"
            )
        if self._shares[self._samples :].any() and batch_size < 2:
            raise ThrongError("a ranked pair fills two places of a batch: batch_size must be at least 2")
        # what each epoch starts with: the number of its first batch, and the units left over before it
        self._starts: list[int] = [0]
        self._carried: list[list[int]] = [[]]
        self._kept: dict[int, Batches] = {}
        self._lock = threading.Lock()

    def batch(self, number: int) -> list[int]:
        """Return the units of batch ``number``."""
        with self._lock:
            while self._starts[-1] <= number:
                self._close(len(self._starts) - 1)
            epoch = bisect.bisect_right(self._starts, number) - 1
            if epoch not in self._kept:
                self._keep(epoch, self._batches(epoch)[0])
            return self._kept[epoch][number - self._starts[epoch]]

    def _close(self, epoch: int) -> None:
        batches, left = self._batches(epoch)
        self._starts.append(self._starts[-1] + len(batches))
        self._carried.append(left)
        self._keep(epoch, batches)

    def _keep(self, epoch: int, batches: Batches) -> None:
        self._kept[epoch] = batches
        while len(self._kept) > KEPT_EPOCHS:
            self._kept.pop(next(iter(self._kept)))

    def _batches(self, epoch: int) -> tuple[Batches, list[int]]:
        units, carried = self._shuffled(epoch), self._carried[epoch]
        if (units >= self._samples).any() or any(unit >= self._samples for unit in carried):
            return self._packed(units.tolist(), carried)
        stream = [*carried, *units.tolist()]
        full = len(stream) - len(stream) % self._batch_size
        return [stream[at : at + self._batch_size] for at in range(0, full, self._batch_size)], stream[full:]

    def _shuffled(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self._seed, 0, epoch])
        copies = np.floor(self._shares).astype(np.int64)
        rest = self._shares - copies
        if rest.any():
            copies += rng.random(len(rest)) < rest
        units = np.repeat(np.arange(len(copies)), copies)
        return units[rng.permutation(len(units))]

    def _packed(self, units: list[int], carried: list[int]) -> tuple[Batches, list[int]]:
        samples = deque(at for at, unit in enumerate(units) if unit < self._samples)
        pairs = deque(at for at, unit in enumerate(units) if unit >= self._samples)
        batches: Batches = []
        batch, room = list(carried), self._batch_size - sum(1 if unit < self._samples else 2 for unit in carried)
        while samples or pairs:
            if room == 0 or (room == 1 and not samples):
                batches.append(batch)
                batch, room = [], self._batch_size
            pair_next = not samples or (bool(pairs) and pairs[0] < samples[0])
            takes_pair = pair_next and room > 1
            batch.append(units[(pairs if takes_pair else samples).popleft()])
            room -= 2 if takes_pair else 1
        if room == 0:
            batches.append(batch)
            batch = []
        return batches, batch
