"""What a generator's training says while it goes on: stats.jsonl, history.jsonl, TensorBoard, and a bar.

The lines of stats.jsonl have the fields of StyleGAN3's log (Karras et al., NeurIPS 2021) and more; the history holds
nothing that depends on the clock.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from throng.bar import Bar
from throng.gan.options import GanOptions
from throng.gan.stats import Clock, line_of

SHOWN = {"Loss/G/loss": "G", "Loss/D/loss": "D", "Loss/signs/real": "r"}


class Told(Protocol):
    """What the log keeps beside its files, for the checkpoint."""

    step: int
    history: list[dict[str, Any]]
    lines: list[dict[str, Any]]


class GanLog:
    """Rows of the history and lines of stats.jsonl, in files as in the run's progress; files in the first process."""

    def __init__(self, work: Path, progress: Told, options: GanOptions, title: str, main: bool) -> None:
        self.work, self.progress, self.options, self.main = work, progress, options, main
        self.bar = Bar(title, "kimg", options.kimg_at(options.steps), options.kimg_at(progress.step))
        self.first, self.newest = progress.step, ""

    def __enter__(self) -> GanLog:
        self._open = contextlib.ExitStack()
        if not self.main:
            return self
        from torch.utils.tensorboard import SummaryWriter

        self.work.mkdir(parents=True, exist_ok=True)
        self.stats = self._open.enter_context((self.work / "stats.jsonl").open("w", encoding="utf-8"))
        self.history = self._open.enter_context((self.work / "history.jsonl").open("w", encoding="utf-8"))
        self.stats.writelines(json.dumps(line) + "\n" for line in self.progress.lines)
        self.history.writelines(json.dumps(row) + "\n" for row in self.progress.history)
        self.board = self._open.enter_context(
            SummaryWriter(str(self.work / "tensorboard"), purge_step=self.progress.step + 1)
        )
        self._open.enter_context(self.bar)
        return self

    def write(self, row: dict[str, Any], observed: Mapping[str, Any], clock: Clock, device: torch.device) -> None:
        """Add a row to the history and its line, with times and memory, to stats.jsonl."""
        before = self.progress.history[-1]["kimg"] if self.progress.history else 0.0
        self.progress.history.append(row)
        fields = clock.fields(row["kimg"] - before, device)
        line = line_of(row, len(self.progress.lines), observed, fields, time.time())
        self.progress.lines.append(line)
        if not self.main:
            return
        for file, content in ((self.stats, line), (self.history, row)):
            file.write(json.dumps(content) + "\n")
            file.flush()
        for name, value in line.items():
            if isinstance(value, dict):
                self.board.add_scalar(name, value["mean"], row["step"])
        self.newest = " ".join(f"{short} {row[name]:.3g}" for name, short in SHOWN.items())

    def tick(self, step: int, p: float, waited: float) -> None:
        """Say that a step is done, with its speed and the probability of augmentation."""
        if not self.main:
            return
        seconds = self.bar.seconds()
        pace = seconds / ((step - self.first) * self.options.batch / 1000)
        share = waited / max(1e-9, seconds)
        said = f"{pace:.1f} s/kimg, p {p:.3f}, waiting for batches {share:.0%} {self.newest}"
        self.bar.tick(self.options.kimg_at(step), said)

    def __exit__(self, *_: object) -> None:
        self._open.close()
