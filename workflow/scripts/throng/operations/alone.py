"""One process at a time at a job: one that outlived its run is waited for, and what it makes is taken.

When Snakemake is killed its workers go on, here or under Slurm, and the next run sends the same jobs again. Two
processes at one job would delete each other's scratch.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from throng.holding import Hold, Holder, take

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0


@contextmanager
def alone(lock: Path, outputs: Sequence[Path]) -> Iterator[bool]:
    """Hold a job by its lock file and yield whether it is still to be done, deleting what a killed process half wrote.

    While another process is at the same job this one waits, and says so; it is not to be done when that one has ended
    well and every output is new. Raises OSError when the lock's folder cannot be written.
    """
    _forget_failed(lock.parent)
    before = _stamps(outputs)
    found, well = take(lock), False
    if isinstance(found, Holder):
        _say(f"waiting for another process at this job ({found}); end it to go on at once from its finished rows")
    while isinstance(found, Holder):
        time.sleep(LOOK_SECONDS)
        well = not lock.exists()
        found = take(lock)
    after = _stamps(outputs)
    made = well and all(after[path] and after[path] != before[path] for path in outputs)
    if made:
        _say("the other process has made every output; nothing is left to do")
    done = False
    try:
        if not made:
            _sweep(outputs)
        yield not made
        done = True
    finally:
        assert isinstance(found, Hold)
        found.let_go(done=done)


def _forget_failed(folder: Path) -> None:
    """Delete the empty lock files of jobs that failed and may never be sent again, their inputs having changed."""
    for path in folder.glob("*.lock"):
        with suppress(FileNotFoundError):  # another job does the same
            if not path.stat().st_size and isinstance(found := take(path), Hold):
                found.let_go()


def _stamps(outputs: Sequence[Path]) -> dict[Path, tuple[int, int] | None]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None for path in outputs}


def _sweep(outputs: Sequence[Path]) -> None:
    for output in outputs:
        for leftover in output.parent.glob(f".{output.name}.*.tmp"):
            leftover.unlink(missing_ok=True)


def _say(sentence: str) -> None:
    log.info("%s", sentence)
    with suppress(OSError):  # the terminal may be gone
        print(sentence, file=sys.stderr, flush=True)
