"""Compiling a function for the processor, with the machine code kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result], **options: Any) -> Callable[Parameters, Result]:
    """Return ``function`` compiled by numba at its first call, once for all processes.

    The code is kept beside the file, or in the user's cache folder where that cannot be written, or in
    ``NUMBA_CACHE_DIR``. Where none of them can be written each process compiles for itself. ``options`` are numba's.
    """
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba's "no locator available": it refuses to decorate at all
        return njit(**options)(function)
