"""A run that is asked to stop ends after a whole step."""

from __future__ import annotations

import signal
import threading

from throng.errors import TransientError


class TrainingStoppedError(TransientError):
    """A signal asked the run to stop; its checkpoint is complete and running again goes on from there."""


def stopped(title: str, step: int, steps: int) -> TrainingStoppedError:
    """Return what a run raises that was asked to stop after ``step`` of ``steps``."""
    return TrainingStoppedError(
        f"{title} was asked to stop after step {step} of {steps}; run it again to go on from there"
    )


class Stop:
    """Turns SIGTERM into a flag while the loop runs, where signals can be had (the main thread)."""

    def __enter__(self) -> Stop:
        self.asked = False
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGTERM, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        self.asked = True

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGTERM, self._before)
