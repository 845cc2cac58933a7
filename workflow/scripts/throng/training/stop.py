"""A run that is asked to stop ends after a whole step, and does not wait for the end of a long look at it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from throng.errors import TransientError


class TrainingStoppedError(TransientError):
    """A signal asked the run to stop; its checkpoint is complete and running again goes on from there."""


class LookEndedError(BaseException):
    """A validation or measurement was left unfinished, since the run was asked to stop: nothing may catch it before."""


def stopped(title: str, step: int, steps: int) -> TrainingStoppedError:
    """Return what a run raises that was asked to stop after ``step`` of ``steps``."""
    return TrainingStoppedError(
        f"{title} was asked to stop after step {step} of {steps}; run it again to go on from there"
    )


class Stop:
    """Turns SIGTERM into a flag while the loop runs, where signals can be had (the main thread)."""

    running: Stop | None = None

    def __enter__(self) -> Stop:
        self.asked = False
        self._looking = False
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            Stop.running = self
            self._before = signal.signal(signal.SIGTERM, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        self.asked = True
        if self._looking:
            self._looking = False
            raise LookEndedError

    @contextlib.contextmanager
    def ends_look(self) -> Iterator[None]:
        """Raise :class:`LookEndedError` as soon as a stop is asked for in the block, which changes no state.

        Only for what one process does without the others: one that leaves a collective call leaves them waiting.
        """
        self._looking = True
        try:
            if self.asked:
                raise LookEndedError
            yield
        finally:
            self._looking = False

    def __exit__(self, *_: object) -> None:
        if self._main:
            Stop.running = None
            signal.signal(signal.SIGTERM, self._before)


def stop_asked() -> bool:
    """Return whether the loop of this process, if one runs, was asked to stop."""
    return Stop.running is not None and Stop.running.asked
