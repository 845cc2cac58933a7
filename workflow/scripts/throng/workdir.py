"""Resume inside a job: finished rows are committed one by one to a scratch folder keyed by what decides them.

The folder is undeclared, so Snakemake keeps it when a job dies; its key holds the config slice, the code digest
and the inputs, so a later edit can never pick up another edit's leftovers.
"""

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

from throng.files import atomic_path, write_bytes
from throng.operations.counted import JOB
from throng.progress import said

log = logging.getLogger(__name__)
Item = TypeVar("Item")
Made = tuple[dict[str, Any], dict[str, bytes]]


class Workdir:
    """A scratch folder of committed rows (JSON) and their files (bytes)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir(parents=True, exist_ok=True)

    def commit(self, key: str, row: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """Store one finished row; its files are in place before the row says so."""
        for name, content in files.items():
            write_bytes(self.file(name), content)
        with atomic_path(self.path / "rows" / f"{key}.json") as temporary:
            temporary.write_text(json.dumps(row))

    def file(self, name: str) -> Path:
        """Return the path of a committed file."""
        return self.path / "files" / name

    def committed(self) -> dict[str, dict[str, Any]]:
        """Return the rows that earlier attempts finished, by key."""
        rows = self.path / "rows"
        return {file.stem: json.loads(file.read_text()) for file in sorted(rows.glob("[!.]*.json"))}

    def remove(self) -> None:
        """Delete the folder once the job's outputs are in place."""
        shutil.rmtree(self.path, ignore_errors=True)


def process(
    work: Workdir, items: Mapping[str, Item], make: Callable[[Item], Made], *, threads: int, stage: str
) -> dict[str, dict[str, Any]]:
    """Make the row of every item not yet committed, ``threads`` at a time, and return all rows by key.

    ``make`` returns (row, files by name) and never raises for bad input: it returns a rejected row.
    """
    rows = {key: row for key, row in work.committed().items() if key in items}
    pending = [(key, item) for key, item in items.items() if key not in rows]
    JOB.went_on(rows.values())
    if rows:
        log.info("%s: resuming, %d of %d rows were done before", stage, len(rows), len(items))
    ticker = Ticker(stage, done=len(rows), total=len(items))
    failed = threading.Event()

    def one(key: str, item: Item) -> None:
        if failed.is_set():  # what waits in the queue would be made in vain
            return
        try:
            row, files = make(item)
            work.commit(key, row, files)
        except BaseException:
            failed.set()
            raise
        rows[key] = row
        ticker.advance()

    with ThreadPoolExecutor(max(1, threads)) as pool:
        running: set[Future[None]] = set()
        try:
            for key, item in pending:
                running.add(pool.submit(one, key, item))
                if len(running) >= 4 * threads:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        future.result()
            for future in running:
                future.result()
        except BaseException:  # a kill, or a full disk: what has not begun would be made in vain
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return rows


class Ticker:
    """Logs progress with an ETA at most every ``every`` seconds; safe to advance from several threads."""

    def __init__(self, stage: str, *, done: int, total: int, every: float = 10.0) -> None:
        self.stage, self.done, self.total, self.every = stage, done, total, every
        self._start_done, self._start = done, time.monotonic()
        self._last = self._start
        self._lock = threading.Lock()

    def advance(self) -> None:
        """Count one more finished row."""
        with self._lock:
            self.done += 1
            now = time.monotonic()
            if now - self._last < self.every and self.done < self.total:
                return
            self._last = now
            rate = (self.done - self._start_done) / max(now - self._start, 1e-9)
            log.info("%s", said(self.stage, self.done, self.total, rate))
