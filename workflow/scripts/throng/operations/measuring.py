"""What a job costs, written beside its log while it runs and when it ends: ``<log>.measured.json``.

Clocks, hosts and sizes stand here and in logs alone, never in what a job makes. Nothing here may fail a job.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from throng.files import write_text
from throng.operations.counted import JOB, Counted
from throng.operations.gpus import Gpus

State = Literal["running", "done", "failed", "stopped"]
END = ".measured.json"
LOOK_SECONDS = 1.0
# a look waits this many times as long as it took, so that looking costs less than 0.3 % of a core
LOOK_SHARE = 400.0
# how often a job says that it still lives
BEAT_SECONDS = 60.0


def measured_of(log: Path) -> Path:
    """Return where the job with this log says what it costs."""
    return log.with_name(log.name + END)


class Meter:
    """Measures this process and its children, from the moment that it began, until :meth:`end`."""

    def __init__(self, job: Mapping[str, Any], counted: Counted = JOB) -> None:
        self.path = measured_of(Path(job["log"]))
        self._job, self._counted = job, counted
        self._tree = Tree()
        self._gpus = Gpus() if job.get("gpus") else None
        self._earlier = _earlier(self.path) if job.get("attempt", 1) > 1 else []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._write("running", "")
        self._thread = threading.Thread(target=self._watch, name="meter", daemon=True)
        self._thread.start()

    def end(self, state: State, reason: str = "") -> str:
        """Stop measuring, write what the job cost with how it ended, and return the figures in words.

        ``reason`` says why it did not end well.
        """
        self._over.set()
        self._thread.join(timeout=5.0)
        self._look()
        return words(self._write(state, reason))

    def _watch(self) -> None:
        beat = time.monotonic()
        pause = 0.05  # the first look soon: many jobs are short
        while not self._over.wait(pause):
            before = time.thread_time()
            self._look()
            if time.monotonic() - beat >= BEAT_SECONDS:
                beat = time.monotonic()
                self._write("running", "")
            pause = max(LOOK_SECONDS, LOOK_SHARE * (time.thread_time() - before))

    def _look(self) -> None:
        with self._lock:
            self._tree.look()
            if self._gpus:
                self._gpus.look()

    def _write(self, state: State, reason: str) -> dict[str, Any]:
        record = self._record(state, reason)
        with contextlib.suppress(OSError):  # a full disk fails the job by itself
            write_text(self.path, json.dumps(record, indent=1) + "\n")
        return record

    def _record(self, state: State, reason: str) -> dict[str, Any]:
        job, counted, tree = self._job, self._counted, self._tree
        wall, cpu = tree.wall_seconds(), tree.cpu_seconds()
        kept, rejected = counted.kept, counted.rejected
        rows = None if kept is None else max(0, kept + sum(rejected.values()) - counted.resumed)
        images = counted.images_written or counted.images_read
        return {
            "stage": job["stage"],
            "wildcards": dict(job["wildcards"]),
            "attempt": job.get("attempt", 1),
            "state": state,
            "reason": reason,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "threads": job["threads"],
            "folder": str(Path.cwd()),
            "began": tree.began,
            "ended": None if state == "running" else tree.began + wall,
            "wall_seconds": wall,
            "cpu_seconds": cpu,
            "start_cpu_seconds": tree.start_cpu_seconds,
            "mean_load": cpu / wall if wall else None,
            "memory_peak_bytes": tree.memory_peak(),
            **tree.transferred(),
            "rows_in": counted.rows_in.get(job["stage"]),
            "rows_kept": kept,
            "rows_rejected": rejected,
            "rows_resumed": counted.resumed,
            "rows_per_second": rows / wall if rows is not None and wall else None,
            "images_read": counted.images_read,
            "images_written": counted.images_written,
            "images_per_second": images / wall if images and wall else None,
            "models_loaded": counted.models,
            "tables": counted.tables,
            "gpus": self._gpus.seen() if self._gpus else [],
            "earlier": self._earlier,
            "outputs": [path for paths in job["outputs"].values() for path in paths],
        }


def words(record: Mapping[str, Any]) -> str:
    """Return what a job cost and what became of its rows as one line: ``28 rows in, 26 kept, 2 rejected (...)``."""
    said = []
    if record["rows_kept"] is not None:
        reasons = ", ".join(f"{number} {reason}" for reason, number in record["rows_rejected"].items())
        rejected = sum(record["rows_rejected"].values())
        rows = f"{record['rows_kept']} kept, {rejected} rejected" + (f" ({reasons})" if reasons else "")
        came = "" if record["rows_in"] is None else f"{record['rows_in']} in, "
        again = f", {record['rows_resumed']} of an earlier attempt" if record["rows_resumed"] else ""
        said.append(f"rows {came}{rows}{again}")
    if record["images_per_second"]:
        said.append(f"{record['images_per_second']:.3g} images/s")
    for gpu in record["gpus"]:
        busy = gpu["utilisation_mean"]
        said.append(f"{gpu['device']} {'?' if busy is None else f'{busy:.0f}'} % busy")
    said.append(f"CPU {record['cpu_seconds']:.1f} s, {record['memory_peak_bytes'] / 1e9:.2f} GB at most")
    return "; ".join(said)


def _earlier(path: Path) -> list[dict[str, Any]]:
    """Return what the attempts of this job before this one left; one that could not say how it ended was killed."""
    try:
        record = json.loads(path.read_text())
        before: list[dict[str, Any]] = record.pop("earlier")
        killed = record["state"] == "running"
    except (OSError, ValueError, KeyError, AttributeError):
        return []
    return [*before, record | {"state": "killed"} if killed else record]


class Tree:
    """This process and its children: CPU time, the most memory at once, bytes read and written, since this was made."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._me = psutil.Process()
        self.began, self._started = time.time(), time.monotonic()
        self._peak = 0
        self._children_cpu = 0.0
        self._cpu_before, self._transferred_before = _ended_cpu(), self._counters()
        self.start_cpu_seconds = self._cpu_before  # of interpreter and imports, before the job's own

    def wall_seconds(self) -> float:
        """Return the seconds since this was made."""
        return time.monotonic() - self._started

    def look(self) -> None:
        """Take one sample of the memory, and of the CPU time of children that still live."""
        resident, busy = 0, 0.0
        with contextlib.suppress(self._psutil.Error):
            resident = self._me.memory_info().rss
            for child in self._me.children(recursive=True):
                with contextlib.suppress(self._psutil.Error):
                    resident += child.memory_info().rss
                    times = child.cpu_times()
                    busy += times.user + times.system
        self._peak, self._children_cpu = max(self._peak, resident), busy

    def cpu_seconds(self) -> float:
        """Return the CPU time of this process, of children that ended, and of those that lived at the last look."""
        return _ended_cpu() + self._children_cpu - self._cpu_before

    def memory_peak(self) -> int:
        """Return the most bytes resident at once: of the tree as sampled, or of this process as the kernel counts."""
        return max(self._peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

    def transferred(self) -> dict[str, int | None]:
        """Return the bytes read and written through system calls, by children that have ended too; null off Linux."""
        before, now = self._transferred_before, self._counters()
        if before is None or now is None:
            return {"bytes_read": None, "bytes_written": None}
        return {"bytes_read": now[0] - before[0], "bytes_written": now[1] - before[1]}

    def _counters(self) -> tuple[int, int] | None:
        try:
            counters = self._me.io_counters()
            return counters.read_chars, counters.write_chars
        except (AttributeError, NotImplementedError, self._psutil.Error):
            return None


def _ended_cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
