"""A worker's memory runs out, by its own limit or by the kernel's hand: sent again, it goes on to the same bytes."""

import pytest

from tests.workflow.faults.drill import Drill, Undisturbed
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["memory", "SIGKILL"])
@pytest.mark.parametrize("stage", ["remove", "synthesize", "train_counter", "release"])
def test_a_job_without_memory_is_sent_again_in_the_same_run(
    stage: str, kind: str, drill: Drill, undisturbed: Undisturbed, unharmed, record
):
    target = str(drill.delete(stage)[0])
    half = undisturbed.cost[drill.jobs(stage)[0]["log"]]["commits"] // 2
    assert half > 0, "it would not be killed in the middle of its work"
    faults = [{"stage": stage, "kind": kind, "commits": half}, {"stage": stage, "attempt": 2, "kind": "none"}]
    run = drill.ran(target, "--retries", "1", faults=faults)
    assert run.code == 0, run.text
    assert {(1, kind), (2, "ended")} <= {(event["attempt"], event["event"]) for event in drill.met()}
    hit = next(event for event in drill.met() if event["event"] == kind)
    assert hit["outputs"] == 0, "the job was as good as done"
    unharmed(drill)
    redone = undisturbed.redone(drill, stage)
    record(
        Fault(
            fault="memory runs out" if kind == "memory" else "killed by the kernel for memory",
            stage=stage,
            done=f"{'no more memory' if kind == 'memory' else 'SIGKILL'} after {half} commits, --retries 1",
            told=run.sentence(stage),
            rows_lost=0,
            equal=True,
            **redone,
        )
    )
