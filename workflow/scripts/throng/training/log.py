"""What a run says while it goes on: rows in files, and a bar."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from throng.bar import Bar
from throng.training.progress import Progress


class Log:
    """Rows to ``log.jsonl``, TensorBoard and the history, and a bar; in all processes but the first, the history."""

    def __init__(self, work: Path, progress: Progress, steps: int, title: str, main: bool) -> None:
        self.work, self.progress, self.main = work, progress, main
        self.bar = Bar(title, "step", steps, progress.step)
        self.newest = ""

    def __enter__(self) -> Log:
        self._open = contextlib.ExitStack()
        if not self.main:
            return self
        from torch.utils.tensorboard import SummaryWriter

        self.work.mkdir(parents=True, exist_ok=True)
        self.jsonl = self._open.enter_context((self.work / "log.jsonl").open("w", encoding="utf-8"))
        self.jsonl.writelines(json.dumps(row) + "\n" for row in self.progress.history)
        self.board = self._open.enter_context(
            SummaryWriter(str(self.work / "tensorboard"), purge_step=self.progress.step + 1)
        )
        self._open.enter_context(self.bar)
        return self

    def write(self, row: dict[str, float]) -> None:
        """Add a row to the history and to the files."""
        self.progress.history.append(row)
        if not self.main:
            return
        self.jsonl.write(json.dumps(row) + "\n")
        self.jsonl.flush()
        for name, value in row.items():
            if name != "step":
                self.board.add_scalar(name, value, int(row["step"]))
        shown = {name: value for name, value in row.items() if name == "loss" or name.startswith("val_")}
        self.newest = " ".join(f"{name} {value:.4g}" for name, value in shown.items())

    def tick(self, step: int, waited: float) -> None:
        """Say that a step is done, and what share of the time the run has waited for batches."""
        if self.main:
            share = waited / max(1e-9, self.bar.seconds())
            self.bar.tick(step, f"{self.newest} waiting for batches {share:.0%}")

    def __exit__(self, *_: object) -> None:
        self._open.close()
