"""Two processes at one job: the second waits, takes what the first made, and goes on where the first died."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from throng.operations import alone as module
from throng.operations.alone import alone

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
OTHER = """
import sys
from pathlib import Path
from throng.operations.alone import alone
lock, output = map(Path, sys.argv[1:])
with alone(lock, [output]):
    print("begun", flush=True)
    sys.stdin.readline()
    output.write_text("made by the other")
"""


@pytest.fixture
def other(tmp_path, monkeypatch):
    """Another process at the job, which makes its output when it is told to."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    command = [sys.executable, "-c", OTHER, str(tmp_path / "lock"), str(tmp_path / "output")]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def second(folder: Path, found: list[bool]) -> threading.Thread:
    def work() -> None:
        with alone(folder / "lock", [folder / "output"]) as to_be_done:
            found.append(to_be_done)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_what_the_other_makes_is_taken(other, tmp_path, capfd):
    found: list[bool] = []
    waiting = second(tmp_path, found)
    waiting.join(0.5)
    assert waiting.is_alive() and not found
    other.communicate("\n")
    waiting.join(30)
    assert found == [False]
    assert (tmp_path / "output").read_text() == "made by the other"
    assert f"process {other.pid}" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_a_killed_one_leaves_the_job_and_nothing_half_written(other, tmp_path):
    (tmp_path / "output").write_text("of an earlier run")
    (tmp_path / ".output.1a2b3c.tmp").write_text("half")
    found: list[bool] = []
    waiting = second(tmp_path, found)
    other.send_signal(signal.SIGKILL)
    waiting.join(30)
    assert found == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


@pytest.mark.parametrize("then", ["job", "another"])
def test_a_job_that_fails_is_still_to_be_done_and_leaves_nothing_for_good(tmp_path, then):
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "job.lock", [tmp_path / "output"]):
        raise ZeroDivisionError
    assert (tmp_path / "job.lock").exists(), "whoever waits must not take this end for a good one"
    with alone(tmp_path / f"{then}.lock", [tmp_path / "output"]) as to_be_done:
        assert to_be_done
    assert list(tmp_path.iterdir()) == []
