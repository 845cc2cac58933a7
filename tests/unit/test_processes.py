"""Several processes of one group: what is said when one fails; whole jobs are in stages/test_train_counter_jobs.py."""

import os
import signal
from pathlib import Path

import pytest

from throng import processes
from throng.errors import ThrongError


def greet(folder, word):
    import torch
    import torch.distributed as group

    group.init_process_group("gloo")
    (Path(folder) / f"{group.get_rank()}-of-{group.get_world_size()}").write_text(f"{word} {torch.get_num_threads()}")
    group.barrier()


def refuse_in_the_second(folder):
    import torch.distributed as group

    group.init_process_group("gloo")
    if group.get_rank() == 1:
        raise ThrongError("sentence of the second")
    group.barrier()


def write(folder, *sentences):
    """Files of failed processes, in the order in which they failed."""
    for number, (name, text) in enumerate(sentences):
        path = folder / name
        path.write_text(text)
        os.utime(path, ns=(number * 10**9, number * 10**9))


def test_a_refusal_explains_more_than_the_errors_it_leaves_in_the_others(tmp_path):
    write(tmp_path, ("0.failed", "RuntimeError: Connection closed by peer"), ("1.refused", "the loss is not finite"))
    assert str(processes.failure(tmp_path, {0: 1, 1: 1}, 2)) == "the loss is not finite"


def test_a_kill_explains_more_than_the_errors_it_leaves_in_the_others(tmp_path):
    write(tmp_path, ("0.failed", "RuntimeError: Connection closed by peer"))
    said = str(processes.failure(tmp_path, {0: 1, 1: -signal.SIGKILL, 2: -signal.SIGTERM}, 3))
    assert "process 2 of 3 was killed by SIGKILL" in said


def test_otherwise_the_first_error_is_told(tmp_path):
    write(tmp_path, ("2.failed", "ValueError: bad"), ("0.failed", "RuntimeError: Connection closed by peer"))
    assert str(processes.failure(tmp_path, {0: 1, 2: 1}, 3)) == "process 3 of 3 failed: ValueError: bad"


def test_a_process_that_says_nothing_is_named(tmp_path):
    assert str(processes.failure(tmp_path, {1: 3}, 2)) == "process 2 of 2 ended with exit code 3 and said nothing"


@pytest.mark.slow
def test_processes_share_a_group_and_leave_signals_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    before = signal.getsignal(signal.SIGTERM)
    processes.launch(greet, (str(tmp_path), "hello"), processes=2, threads=1)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"0-of-2": "hello 1", "1-of-2": "hello 1"}
    with pytest.raises(ThrongError, match=r"^sentence of the second$"):
        processes.launch(refuse_in_the_second, (str(tmp_path),), processes=2, threads=1)
    assert signal.getsignal(signal.SIGTERM) is before
