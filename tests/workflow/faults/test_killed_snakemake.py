"""Snakemake dies while a job runs, its worker does not: nobody needs to unlock, and nothing is made twice."""

import getpass
import os
import signal
import socket

import pytest

from tests.workflow.faults.drill import Drill, Undisturbed, stopped_worker, wait_until
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
STAGE = "remove"
TOLD = {"goes on": "the other process has made every output", "is killed": "resuming, "}


@pytest.mark.parametrize("orphan", TOLD)
def test_a_run_goes_on_though_snakemake_was_killed_and_its_worker_was_not(
    orphan: str, drill: Drill, undisturbed: Undisturbed, unharmed, record
):
    target = str(drill.delete(STAGE)[0])
    # rows have to be done by then: one takes several commits
    stopped = {"stage": STAGE, "kind": "SIGSTOP", "commits": undisturbed.commits(drill, STAGE) // 2}
    counted = [{"stage": STAGE, "kind": "none"}]
    with drill.start(target, faults=[stopped]) as first, stopped_worker(drill) as worker:
        refused = drill.ran(target)
        assert refused.code != 0
        assert f"another run is at work there (user {getpass.getuser()}, host {socket.gethostname()}" in refused.text
        assert f"process {first.pid}, since " in refused.text
        first.kill()
        first.wait()
        os.kill(worker, 0)  # it is still there
        with drill.start(target, faults=counted) as second:
            wait_until(lambda: f"process {worker}" in drill.log(STAGE), "the second worker to wait")
            os.kill(worker, signal.SIGCONT if orphan == "goes on" else signal.SIGKILL)
            text, _ = second.communicate(timeout=3000)
    assert second.returncode == 0, text
    assert TOLD[orphan] in drill.log(STAGE)
    unharmed(drill)
    redone = undisturbed.redone(drill, STAGE)
    record(
        Fault(
            fault=f"Snakemake killed -9, its orphan {orphan}",
            stage=STAGE,
            done="worker stopped midway, a second run tried, Snakemake killed, run again beside the orphan",
            told=refused.sentence(STAGE),
            rows_lost=0,
            equal=True,
            **redone,
        )
    )
