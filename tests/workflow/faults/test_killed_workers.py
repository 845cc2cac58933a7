"""A worker of every stage dies twice, asked and unasked, and the run goes on to the same bytes."""

import random
from typing import Any

import pytest

from tests.workflow.faults.drill import Drill, Undisturbed, rules
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
# commits that are of more than one row or checkpoint, so that some must be whole when half of them are made
MANY = 10


def midway(once: dict[str, Any]) -> dict[str, int]:
    """Return when a job dies with half of its work kept or, where it keeps nothing, with all outputs made but one."""
    return {"commits": once["commits"] // 2} if once["commits"] else {"outputs": once["outputs"]}


def seen(drill: Drill) -> set[tuple[int, str]]:
    return {(event["attempt"], event["event"]) for event in drill.met()}


@pytest.mark.parametrize("stage", rules())
def test_a_worker_that_is_stopped_and_then_killed_loses_nothing(
    stage: str, drill: Drill, undisturbed: Undisturbed, unharmed, record
):
    once = undisturbed.cost[drill.jobs(stage)[0]["log"]]
    faults = [
        {"stage": stage, "attempt": 1, "kind": "SIGTERM", "after": random.Random(stage).uniform(0.0, once["cpu"])},
        {"stage": stage, "attempt": 2, "kind": "SIGKILL", **midway(once)},
    ]
    outputs = drill.delete(stage)
    first = drill.ran(str(outputs[0]), "--retries", "1", faults=faults)
    assert first.code != 0 and {(1, "SIGTERM"), (2, "SIGKILL")} <= seen(drill), first.text
    asked, killed = (next(e for e in drill.met() if e["event"] == kind) for kind in ("SIGTERM", "SIGKILL"))
    again = drill.ran(str(outputs[0]), faults=[{"stage": stage, "kind": "none"}])
    assert again.code == 0, again.text
    assert again.jobs == {stage: 1}, "no more is done again than the job that died"
    assert drill.met()[-1]["event"] == "ended"
    unharmed(drill)
    redone = undisturbed.redone(drill, stage)
    if once["commits"] >= MANY:
        assert redone["redone_commits"] < once["commits"], "what was kept has been of no use"
    by_output = killed["outputs"] > 0  # it was struck before an output, not before a commit
    more, there = killed["commits"] - (not by_output), killed["outputs"] - by_output
    sent = f"SIGTERM after {asked['cpu']:.1f} CPU-s, {asked['commits']} of {once['commits']} commits"
    record(
        Fault(
            fault="SIGTERM at a random moment, then kill -9 midway",
            stage=stage,
            done=f"{sent}; kill -9 after {more} more, {there} of {once['outputs']} outputs there",
            told=first.sentence(stage),
            rows_lost=0,
            equal=True,
            **redone,
        )
    )
