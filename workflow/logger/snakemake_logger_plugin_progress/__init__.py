"""Snakemake's events as one progress bar: ``PYTHONPATH=workflow/logger snakemake --cores 2 --logger progress``.

Where the output is no terminal, a line is printed for every finished job. A failed job shows the end of its log.
"""

import logging
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from snakemake_interface_logger_plugins.base import LogHandlerBase

SHOWN_LOG_LINES = 15


class LogHandler(LogHandlerBase):
    """Shows how many jobs are done and which are running."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Start the bar; it stays empty until the number of jobs is known."""
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (
            SpinnerColumn(),
            BarColumn(30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        self.progress = Progress(*columns, console=self.console, transient=True)
        self.bar = self.progress.add_task("planning", total=None)
        self.messages: dict[int, str] = {}
        self.running: dict[int, str] = {}
        self.done, self.total = 0, 0
        if self.console.is_terminal:
            self.progress.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event; also errors, warnings and the news that there is nothing to do."""
        shown = getattr(self, f"_{getattr(record, 'event', None) or 'message'}", None)
        if shown is not None:
            shown(record)

    def close(self) -> None:
        """Take the bar away."""
        self.progress.stop()
        super().close()

    def _run_info(self, record: Any) -> None:
        self.total = record.stats["total"]
        self.progress.update(self.bar, total=self.total)

    def _job_info(self, record: Any) -> None:
        self.messages[record.jobid] = record.rule_msg or record.rule_name
        self.running[record.jobid] = self.messages[record.jobid]
        self._show()

    def _job_finished(self, record: Any) -> None:
        self.done += 1
        name = self.running.pop(record.job_id, "")
        if not self.console.is_terminal:
            self.console.print(f"[{self.done}/{self.total}] {name}", markup=False)
        self._show()

    def _job_error(self, record: Any) -> None:
        self.running.pop(record.jobid, None)
        self.console.print(f"failed: {self.messages.get(record.jobid, record.rule_name)}", style="red", markup=False)
        for name in record.log or []:
            log = Path(re.sub(r" \(.*\)$", "", name))
            if log.is_file():
                tail = log.read_text(errors="replace").splitlines()[-SHOWN_LOG_LINES:]
                self.console.print(f"  {log}", *(f"  | {line}" for line in tail), sep="\n", markup=False)
        self._show()

    def _error(self, record: Any) -> None:
        self.console.print(record.getMessage().strip(), style="red", markup=False)

    def _message(self, record: Any) -> None:
        text = record.getMessage().strip()
        if text and (record.levelno >= logging.WARNING or text.startswith("Nothing to be done")):
            self.console.print(text, markup=False)

    def _show(self) -> None:
        jobs = list(self.running.values())
        more = f" (+{len(jobs) - 1})" if len(jobs) > 1 else ""
        self.progress.update(self.bar, completed=self.done, description=(jobs[0] + more) if jobs else "")
