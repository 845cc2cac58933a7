"""Snakemake dies while a job runs, and two runs want one folder: nobody needs to unlock, nobody disturbs another."""

import getpass
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.workflow.faults.drill import Drill, wait_until
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
STAGE = "remove"
STOPPED = {"stage": STAGE, "kind": "SIGSTOP", "commits": 2}


@contextmanager
def stopped_worker(drill: Drill) -> Iterator[int]:
    """Wait for the worker that stops itself and yield its number; it does not outlive the block."""
    wait_until(lambda: any(e["event"] == "SIGSTOP" for e in drill.met()), "the worker to stop")
    number = next(e["pid"] for e in drill.met() if e["event"] == "SIGSTOP")
    try:
        yield number
    finally:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("orphan", ["goes on", "is killed"])
def test_a_run_goes_on_though_snakemake_was_killed_and_its_worker_was_not(orphan, drill, unharmed, record):
    target = str(drill.delete(STAGE)[0])
    with drill.start(target, faults=[STOPPED]) as first, stopped_worker(drill) as worker:
        refused = drill.ran(target)
        assert refused.code != 0
        assert f"another run is at work there (user {getpass.getuser()}, host {socket.gethostname()}" in refused.text
        assert f"process {first.pid}, since " in refused.text
        first.kill()
        first.wait()
        with drill.start(target) as second:
            wait_until(lambda: f"process {worker}" in drill.log(STAGE), "the second worker to wait")
            os.kill(worker, signal.SIGCONT if orphan == "goes on" else signal.SIGKILL)
            text, _ = second.communicate(timeout=3000)
    assert second.returncode == 0, text
    told = "the other process has made every output" if orphan == "goes on" else "resuming, "
    assert told in drill.log(STAGE)
    unharmed(drill)
    record(
        Fault(
            fault=f"Snakemake killed -9, its orphan {orphan}",
            stage=STAGE,
            done="worker stopped, a second run tried, Snakemake killed, run again beside the orphan",
            told=refused.sentence(STAGE),
            redone_seconds=None,
            redone_rows=None,
            rows_lost=0,
            equal=True,
        )
    )


def test_runs_with_results_of_their_own_do_not_disturb_each_other(drill, unharmed, record):
    target = str(drill.delete(STAGE)[0])
    with drill.start(target, faults=[STOPPED]) as first, stopped_worker(drill) as worker:
        other = drill.ran("results/other/prompt/prompts.parquet", "--config", "results=results/other")
        assert other.code == 0, other.text
        assert drill.ran(target).code != 0, "the other run's end has not unlocked this one"
        os.kill(worker, signal.SIGCONT)
        text, _ = first.communicate(timeout=3000)
    assert first.returncode == 0, text
    unharmed(drill)
    record(
        Fault(
            fault="two runs in one checkout, results folders of their own",
            stage=STAGE,
            done="a second run with another results folder, then a third in the first's",
            told="the second runs, the third is refused",
            redone_seconds=None,
            redone_rows=None,
            rows_lost=0,
            equal=True,
        )
    )
