"""Batches in order, made ahead of their use."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

Batch = Any


class Prefetched:
    """Batches in order, made ``workers`` at a time in threads (0: as they are asked for).

    ``waited`` is for how many seconds they were waited for.
    """

    def __init__(self, batch_at: Callable[[int], Batch], numbers: Iterator[int], workers: int) -> None:
        self._made = _made_ahead(batch_at, numbers, workers) if workers else map(batch_at, numbers)
        self.waited = 0.0

    def __iter__(self) -> Prefetched:
        return self

    def __next__(self) -> Batch:
        started = time.monotonic()
        batch = next(self._made)
        self.waited += time.monotonic() - started
        return batch


def _made_ahead(batch_at: Callable[[int], Batch], numbers: Iterator[int], workers: int) -> Iterator[Batch]:
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for number in numbers:
                waiting.append(pool.submit(batch_at, number))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
