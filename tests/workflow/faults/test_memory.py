"""A worker's memory runs out, by its own limit or by the kernel's hand: sent again, it goes on to the same bytes."""

import pytest

from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["memory", "SIGKILL"])
@pytest.mark.parametrize("stage", ["remove", "synthesize", "train_counter", "release"])
def test_a_job_without_memory_is_sent_again_in_the_same_run(stage, kind, drill, unharmed, record):
    target = str(drill.delete(stage)[0])
    faults = [{"stage": stage, "kind": kind, "commits": 2}, {"stage": stage, "attempt": 2, "kind": "none"}]
    run = drill.ran(target, "--retries", "1", faults=faults)
    assert run.code == 0, run.text
    assert {(1, kind), (2, "ended")} <= {(event["attempt"], event["event"]) for event in drill.met()}
    unharmed(drill)
    record(
        Fault(
            fault="memory runs out" if kind == "memory" else "killed by the kernel for memory",
            stage=stage,
            done=f"{'no more memory' if kind == 'memory' else 'SIGKILL'} after two commits, --retries 1",
            told=run.sentence(stage),
            redone_seconds=None,
            redone_rows=None,
            rows_lost=0,
            equal=True,
        )
    )
