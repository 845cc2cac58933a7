"""Work spread over a pool, its results and its first fault in the order of the work."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

Result = TypeVar("Result")
Name = TypeVar("Name")


def in_order(
    pool: Executor, work: Callable[..., Result], arguments: Sequence[tuple[Any, ...]], names: Sequence[Name]
) -> Iterator[tuple[Name, Result]]:
    """Yield (name, result) of each call in the order given; what is still waiting when one raises is not begun."""
    waiting = [pool.submit(work, *given) for given in arguments]
    try:
        for name, future in zip(names, waiting, strict=True):
            yield name, future.result()
    finally:
        for future in waiting:
            future.cancel()
