"""How far a run is, for those who watch: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import logging
import sys
import time

from throng.progress import said

log = logging.getLogger(__name__)
QUIET_SECONDS = 10.0


class Bar:
    """A progress bar with the time that is left on stderr, or without a terminal a line every ten seconds.

    The log gets a line every ten seconds too. ``done`` of ``total`` are done when it opens; ``unit`` names one of them.
    No artefact may hold what depends on the clock: what this tells is told and forgotten.
    """

    def __init__(self, title: str, unit: str, total: float, done: float) -> None:
        self.title, self.unit, self.total, self.first = title, unit, total, done
        self.started = self.spoken = time.monotonic()
        self.bar = None

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            self._open()
        return self

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[newest]}"),
            console=Console(stderr=True),
        )
        self.bar.start()
        self.task = self.bar.add_task(self.title, total=self.total, newest="")
        self.bar.update(self.task, completed=self.first)

    def seconds(self) -> float:
        """Return for how long this has been open."""
        return time.monotonic() - self.started

    def tick(self, done: float, newest: str) -> None:
        """Say that ``done`` are done now, and what is newest."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, newest=newest)
        if time.monotonic() - self.spoken >= QUIET_SECONDS:
            self.spoken = time.monotonic()
            self._say(done, newest)

    def _say(self, done: float, newest: str) -> None:
        rate = (done - self.first) / self.seconds()
        log.info("%s", said(self.title, done, self.total, rate))
        if self.bar is None:
            left = (self.total - done) / max(rate, 1e-9)
            line = f"{self.title}: {self.unit} {done:g}/{self.total:g}, {left:.0f} s left, {newest}"
            print(line, file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
