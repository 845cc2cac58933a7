"""Clocks that jump, files from the future, other time zones: no job is lost, none is skipped, none runs for ever."""

import os
import subprocess
import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.workflow.faults.drill import RESULTS, TARGETS, Drill
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
DAY = 86_400.0
ELSEWHERE = "Pacific/Kiritimati"
# as Snakemake goes about it when nobody tells it otherwise, but for comparing small files
BY_TIME = ("--rerun-triggers", "mtime", "--max-checksum-file-size", "0")


def unfinished(drill: Drill) -> list[str]:
    """Return the lines of ``throng status`` on jobs that it does not take to be done."""
    program = "from throng.cli import main; main()"
    command = [sys.executable, "-c", program, "status", str(RESULTS)]
    environment = os.environ | {"PYTHONPATH": str(drill.folder / "workflow" / "scripts")}
    shown = subprocess.run(command, cwd=drill.folder, env=environment, capture_output=True, text=True)
    assert "remove" in shown.stdout, shown.stderr
    return [line for line in shown.stdout.splitlines() if line.startswith(("running", "silent", "failed"))]


@pytest.mark.parametrize("seconds", [DAY, -DAY])
def test_a_node_whose_clock_is_wrong_makes_the_same_and_is_not_sent_again(seconds, drill, unharmed, record):
    target = str(drill.delete("remove")[0])
    faults = [{"stage": "remove", "kind": "clock", "seconds": seconds}]
    run = drill.ran(target, faults=faults, TZ=ELSEWHERE)
    assert run.code == 0, run.text
    assert {(1, "clock"), (1, "ended")} == {(event["attempt"], event["event"]) for event in drill.met()}
    logged = datetime.strptime(drill.log("remove")[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo(ELSEWHERE))
    assert abs(logged.timestamp() - time.time() - seconds) < DAY / 2, "the worker's clock was right"
    unharmed(drill)
    again = drill.ran(*TARGETS, "--dry-run")
    assert "Nothing to be done" in again.text, again.text
    assert unfinished(drill) == []
    record(
        Fault(
            fault=f"a node's clock a day {'fast' if seconds > 0 else 'slow'}, in another time zone",
            stage="remove",
            done="the worker's clock and its outputs' times shifted",
            told="nothing",
            rows_lost=0,
            equal=True,
        )
    )


SHIFTS = {
    "in the future": lambda place: DAY * (place % 2),
    "jumping back and forth": lambda place: -DAY * (place % 7),
    "all of one second": lambda place: 0.0,
}


@pytest.mark.parametrize("name", SHIFTS)
def test_times_that_jump_between_jobs_make_nothing_again(name, drill, record):
    now = float(int(time.time()))
    for place, path in enumerate(sorted(path for path in drill.results.rglob("*") if path.is_file())):
        shifted = now + SHIFTS[name](place)
        os.utime(path, (shifted, shifted))
    by_time = drill.ran(*TARGETS, "--dry-run", *BY_TIME)
    assert ("Nothing to be done" in by_time.text) == (name == "all of one second"), "who goes by times is misled"
    again = drill.ran(*TARGETS, "--dry-run")
    assert "Nothing to be done" in again.text, again.text
    assert unfinished(drill) == []
    record(
        Fault(
            fault=f"files' times {name}",
            stage="all",
            done="every file of the results given another time, dry run (by time alone Snakemake would run jobs again)"
            if name != "all of one second"
            else "every file of the results given the same time, dry run",
            told="Nothing to be done",
            rows_lost=0,
            equal=True,
        )
    )
