"""Resume inside a job: what was committed is never made again, and a dead process loses one row at most."""

import os
import signal
import subprocess
import sys
import time

import pytest

from throng.workdir import Workdir, process

SLOW_JOB = """
import sys, time
from pathlib import Path
from throng.workdir import Workdir, process
def make(item):
    time.sleep(0.05)
    return {"id": item, "square": int(item) ** 2}, {f"{item}.txt": item.encode() * 1000}
process(Workdir(Path(sys.argv[1])), {str(i): str(i) for i in range(100)}, make, threads=2, stage="test")
"""


def test_only_missing_rows_are_made_after_kill_9(tmp_path):
    work = tmp_path / "work"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    job = subprocess.Popen([sys.executable, "-c", SLOW_JOB, str(work)], env=environment)
    deadline = time.monotonic() + 60
    while len(list((work / "rows").glob("[!.]*.json")) if work.exists() else []) < 10:
        assert job.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline, "the job made no rows"
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait()
    before = Workdir(work).committed()
    assert 10 <= len(before) < 100
    made = []

    def make(item):
        made.append(item)
        return {"id": item, "square": int(item) ** 2}, {f"{item}.txt": item.encode() * 1000}

    rows = process(Workdir(work), {str(i): str(i) for i in range(100)}, make, threads=1, stage="test")
    assert rows == {str(i): {"id": str(i), "square": i**2} for i in range(100)}
    assert sorted(made) == sorted(rows.keys() - before.keys())
    for key in rows:
        assert Workdir(work).file(f"{key}.txt").read_text() == key * 1000


def test_rows_of_other_items_are_left_out(tmp_path):
    work = Workdir(tmp_path)
    work.commit("gone", {"id": "gone"}, {})
    rows = process(work, {"a": "a"}, lambda item: ({"id": item}, {}), threads=3, stage="test")
    assert list(rows) == ["a"]


def test_an_unexpected_error_stops_the_job_and_keeps_finished_rows(tmp_path):
    def make(item):
        if item == "7":
            raise ZeroDivisionError
        return {"id": item}, {}

    with pytest.raises(ZeroDivisionError):
        process(Workdir(tmp_path), {str(i): str(i) for i in range(10)}, make, threads=1, stage="test")
    assert "3" in Workdir(tmp_path).committed()


def test_nothing_is_made_after_a_failure(tmp_path):
    made = []

    def make(number):
        made.append(number)
        if number == 3:
            raise OSError("the disk is full")
        return {"n": number}, {}

    with pytest.raises(OSError, match="the disk is full"):
        process(Workdir(tmp_path), {f"{n:02d}": n for n in range(40)}, make, threads=1, stage="test")
    assert made == [0, 1, 2, 3]
