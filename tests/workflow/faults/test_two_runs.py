"""Two runs want one folder: one user's or two users', the second is refused; with folders of their own both run."""

import os
import shutil
import signal
import subprocess

import pytest

from tests.workflow.faults.drill import NOBODY, Drill, stopped_worker
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
STAGE = "remove"
STOPPED = {"stage": STAGE, "kind": "SIGSTOP", "commits": 2}


def test_runs_with_results_of_their_own_do_not_disturb_each_other(drill: Drill, unharmed, record):
    target = str(drill.delete(STAGE)[0])
    with drill.start(target, faults=[STOPPED]) as first, stopped_worker(drill) as worker:
        other = drill.ran("results/other/prompt/prompts.parquet", "--config", "results=results/other")
        assert other.code == 0, other.text
        assert (drill.folder / "results" / "other" / "prompt" / "prompts.parquet").is_file()
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
            rows_lost=0,
            equal=True,
        )
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="starting a run as another user takes root")
@pytest.mark.parametrize("shared", [True, False])
def test_another_user_is_refused(shared: bool, drill: Drill, unharmed, record):
    target = str(drill.delete(STAGE)[0])
    home = drill.folder / "home"
    home.mkdir()
    shutil.chown(home, "nobody")
    subprocess.run(["chmod", "-R", "a+rwX" if shared else "go-w", str(drill.folder)], check=True)
    umask = os.umask(0o000 if shared else 0o022)
    try:
        with drill.start(target, faults=[STOPPED]) as first, stopped_worker(drill) as worker:
            refused = drill.ran(target, user=NOBODY, HOME=str(home))
            assert refused.code != 0
            told = refused.sentence(STAGE)
            mine = f"another run is at work there (user root, host {os.uname().nodename}, process {first.pid}"
            assert (mine if shared else "cannot be written (Permission denied)") in told, refused.text
            os.kill(worker, signal.SIGCONT)
            text, _ = first.communicate(timeout=3000)
    finally:
        os.umask(umask)
    assert first.returncode == 0, text
    unharmed(drill)
    record(
        Fault(
            fault=f"two users at one folder, {'which both may write' if shared else 'one may only read it'}",
            stage=STAGE,
            done="worker stopped, the same command as another user, worker woken",
            told=told,
            rows_lost=0,
            equal=True,
        )
    )
