"""Checkpoints that appear whole, and belong to one run."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from throng.errors import ThrongError
from throng.torch_files import save

KEPT_CHECKPOINTS = 2


class Checkpoints:
    """Folders ``step-<n>`` that appear whole by a rename; the last two stay.

    ``run`` (groups of JSON values by name) says whose they are; one that does not write is a process beside the one
    that does.
    """

    def __init__(self, folder: Path, run: dict[str, Any], *, writes: bool = True) -> None:
        self.folder = folder
        self.run = run
        self.writes = writes
        self._saved_at = time.monotonic()

    def age(self) -> float:
        """Return the seconds since the last was written, or since the run began."""
        return time.monotonic() - self._saved_at

    def exists(self) -> bool:
        """Return whether there is any."""
        return bool(self._complete())

    def _complete(self) -> list[Path]:
        return sorted(self.folder.glob("step-*")) if self.folder.exists() else []

    def load(self) -> dict[str, Any]:
        """Return the parts of the newest by name; raises ThrongError when it is of another run."""
        latest = self._complete()[-1]
        run = json.loads((latest / "run.json").read_text())
        if run != self.run:
            changed = sorted(
                f"{group}.{key}" if isinstance(run[group], dict) else group
                for group in run
                for key in (run[group] if isinstance(run[group], dict) else [group])
                if run[group] != self.run[group]
                and (not isinstance(run[group], dict) or run[group].get(key) != self.run[group].get(key))
            )
            raise ThrongError(
                f"{latest} is a checkpoint of another run (differs in {', '.join(changed) or 'options'}): "
                f"restore the options, or delete {self.folder} to start anew"
            )
        files = sorted(latest.glob("*.pt"))
        return {file.stem: torch.load(file, map_location="cpu", weights_only=True) for file in files}

    def save(self, step: int, parts: Mapping[str, Any]) -> None:
        """Write the parts, each in a file of its name, and drop what is older than the last two."""
        self._saved_at = time.monotonic()
        if not self.writes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(".tmp-*"):
            shutil.rmtree(leftover)
        temporary = self.folder / f".tmp-{step:08d}"
        temporary.mkdir()
        (temporary / "run.json").write_text(json.dumps(self.run, sort_keys=True, indent=1))
        for part, content in parts.items():
            with (temporary / f"{part}.pt").open("wb") as handle:
                save(content, handle)
                handle.flush()
                os.fsync(handle.fileno())
        final = self.folder / f"step-{step:08d}"
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        for old in self._complete()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old)
