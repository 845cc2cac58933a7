"""Logs of generator trainings: lines of JSON, ``{name: {num, mean, std}}`` as StyleGAN3 writes them, or plain numbers.

Field names and the files ``stats.jsonl`` and ``metric-*.jsonl`` are those of StyleGAN3's run folders (Karras et al.,
2021, as the public runs show them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throng.errors import ThrongError

KIMG = "Progress/kimg"
STATS = ("stats.jsonl", "history.jsonl")
METRIC_FILES = "metric-*.jsonl"
# what history.jsonl calls the fields of stats.jsonl
SHORT = {"kimg": KIMG, "augment": "Progress/augment"}


@dataclass(frozen=True)
class RunLog:
    """One file of a training's log: every field as float64 over its lines, NaN where a line lacks it."""

    name: str
    fields: Mapping[str, np.ndarray]
    metrics: Mapping[str, tuple[np.ndarray, np.ndarray]]
    cut_short: bool

    def __len__(self) -> int:
        return len(self.fields[KIMG])

    @property
    def kimg(self) -> np.ndarray:
        """Thousands of real images that the discriminator had seen, per line."""
        return self.fields[KIMG]


def log_files(run: Path) -> list[Path]:
    """Return the log files that a run's folder or file stands for, in the order of training.

    Of a folder that is ``stats.jsonl``, else ``history.jsonl``, else every ``*.jsonl`` in it, sorted by name, as the
    parts of one training that was resumed. Raises ThrongError when there is none.
    """
    if run.is_file():
        return [run]
    if not run.is_dir():
        raise ThrongError(f"{run}: no such file or folder; name a run's folder, or its stats.jsonl")
    for name in STATS:
        if (run / name).is_file():
            return [run / name]
    metrics = set(run.glob(METRIC_FILES))
    found = sorted(path for path in run.glob("*.jsonl") if path not in metrics)
    if not found:
        raise ThrongError(f"{run}: holds neither stats.jsonl nor another .jsonl file; name the folder of a training")
    return found


def read_log(path: Path, required: Sequence[str]) -> RunLog:
    """Read one log; a last line that a kill cut in half is left out.

    Raises ThrongError for a file that is empty, is not lines of JSON, or lacks one of the ``required`` fields or the
    number of images seen.
    """
    lines, cut_short = _lines(path)
    names = sorted({name for line in lines for name in line})
    fields = {name: np.array([line.get(name, np.nan) for line in lines]) for name in names}
    if missing := sorted({KIMG, *required} - {name for name in names if np.isfinite(fields[name]).any()}):
        raise ThrongError(
            f"{path}: no line has field {missing[0]!r}; its fields are {', '.join(names) or 'none'}: is it the log of "
            f"another training?"
        )
    return RunLog(str(path), fields, _metrics_beside(path), cut_short)


def _lines(path: Path) -> tuple[list[dict[str, float]], bool]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ThrongError(f"{path}: not readable as text ({error}); expected lines of JSON") from error
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    lines: list[dict[str, float]] = []
    for number, line in numbered:
        try:
            lines.append(_numbers(json.loads(line)))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            if lines and number == numbered[-1][0] and not text.endswith("\n"):
                return lines, True
            raise ThrongError(f"{path}, line {number}: not a JSON object of numbers ({error})") from error
    if not lines:
        raise ThrongError(f"{path}: empty; the training wrote nothing yet, or the file is another")
    return lines, False


def _numbers(line: Any) -> dict[str, float]:
    if not isinstance(line, dict):
        raise TypeError(f"found {type(line).__name__}")
    return {SHORT.get(name, str(name)): number for name, value in line.items() for number in _number(value)}


def _number(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = value.get("mean")
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def _metrics_beside(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (kimg, value) of every metric that StyleGAN3 logged in ``metric-*.jsonl`` beside a ``stats.jsonl``."""
    if path.name != STATS[0]:
        return {}
    found: dict[str, dict[float, float]] = {}
    for file in sorted(path.parent.glob(METRIC_FILES)):
        for line in file.read_text().splitlines():
            try:
                record = json.loads(line)
                seen = re.search(r"(\d+)", record["snapshot_pkl"])
                results = record["results"].items()
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
            if seen:
                for name, value in results:
                    found.setdefault(name, {})[float(seen[1])] = float(value)
    return {
        name: (np.array(sorted(points)), np.array([points[kimg] for kimg in sorted(points)]))
        for name, points in sorted(found.items())
    }
