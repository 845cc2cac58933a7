"""A worker of every stage dies twice, asked and unasked, and the run goes on to the same bytes."""

import random
import re

import pytest

from tests.workflow.faults.drill import Drill, Undisturbed, rules
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
RESUMED = re.compile(r"resuming, (\d+) of \d+ rows were done before|resuming after epoch (\d+)")


def redone(drill: Drill, undisturbed: Undisturbed, stage: str) -> tuple[float, int]:
    """Return the CPU-seconds and the commits that were done more often than undisturbed."""
    job = drill.jobs(stage)[0]["log"]
    events = {(e["pid"], e["log"]): e for e in drill.met() if e["log"] == job}
    once = undisturbed.cost[job]
    cpu = sum(e["cpu"] for e in events.values()) - once["cpu"]
    return round(max(0.0, cpu), 1), max(0, sum(e["commits"] for e in events.values()) - once["commits"])


@pytest.mark.parametrize("stage", rules())
def test_a_worker_that_is_stopped_and_then_killed_loses_nothing(stage, drill, undisturbed, unharmed, record):
    seconds = undisturbed.cost[drill.jobs(stage)[0]["log"]]["cpu"]
    faults = [
        {"stage": stage, "attempt": 1, "kind": "SIGTERM", "after": random.Random(stage).uniform(0.0, seconds)},
        {"stage": stage, "attempt": 2, "kind": "SIGKILL", "commits": 2},
        {"stage": stage, "attempt": 3, "kind": "none"},
    ]
    outputs = drill.delete(stage)
    first = drill.ran(str(outputs[0]), "--retries", "1", faults=faults)
    events = [record["event"] for record in drill.met()]
    assert first.code != 0 and {"SIGTERM", "SIGKILL"} <= {*events}, first.text
    again = drill.ran(str(outputs[0]), faults=[{"stage": stage, "kind": "none"}])
    assert again.code == 0, again.text
    assert again.jobs == {stage: 1}, "no more is done again than the job that died"
    unharmed(drill)
    cpu, rows = redone(drill, undisturbed, stage)
    record(
        Fault(
            fault="SIGTERM at a random moment, then kill -9 after work was kept",
            stage=stage,
            done=f"SIGTERM after {faults[0]['after']:.1f} s; kill -9 at commit {drill.met()[-2]['commits']}",
            told=first.sentence(stage),
            redone_seconds=cpu,
            redone_rows=rows,
            rows_lost=0,
            equal=True,
        )
    )
