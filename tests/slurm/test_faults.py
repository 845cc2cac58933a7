"""What a cluster does to jobs: each fault ends in the bytes of an undisturbed run here, and no row is made twice.

The stages are those of toy/: rows and a training as throng makes them, slow and small.
"""

import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from conftest import QUICK, ROOT, Checkout, wait_for

pytestmark = pytest.mark.slurm

TOY = Path(__file__).parent / "toy"
CONFIG = ("--config", f"scripts={ROOT / 'workflow' / 'scripts'}")
# Slurm looks at time limits every 30 s: the first two parts take longer
ROWS = {"a": 40, "b": 40, "c": 4}
WEIGHTS = "results/train/weights.bin"
# the profiles of docs/cluster.md for partitions whose jobs are requeued, and cancelled
SMALL = "mem_mb: 2000, runtime: 60}\nretries: 10\n"
PREEMPTED = {
    "spare": "default-resources: {slurm_partition: spare, " + SMALL + "slurm-requeue: true\nslurm-no-requeue: false\n",
    "scavenge": "default-resources: {slurm_partition: scavenge, " + SMALL,
}


def expected_rows(part: str) -> str:
    return "".join(hashlib.sha256(f"{part}{number}".encode()).hexdigest() + "\n" for number in range(ROWS[part]))


@pytest.fixture
def run(slurm_cluster, tmp_path):
    shutil.copytree(TOY, tmp_path / "toy")
    yield Checkout(tmp_path / "toy", slurm_cluster)
    slurm_cluster.run("scancel", "--user", str(os.getuid()))


def start(run: Checkout, *arguments: str, path: str | None = None):
    return run.start("--profile", str(ROOT / "profiles" / "slurm"), *arguments, *QUICK, *CONFIG, path=path)


def jobs(run: Checkout, states: str = "all") -> list[list[str]]:
    """Return (id, state, node) of the run's jobs, in the order in which they were sent."""
    listed = run.cluster.run("squeue", "-h", "-t", states, "-S", "i", "-o", "%i|%T|%N|%Z").splitlines()
    return [line.split("|")[:3] for line in listed if line.endswith(f"|{run.path}")]


def made(run: Checkout) -> list[str]:
    """Return the rows made so far, one that was made twice twice."""
    trace = run.path / "made.txt"
    return trace.read_text().split() if trace.exists() else []


def end_of(run: Checkout, job: str, how: str) -> None:
    """Let Slurm end a job as it does when its time is over, or by scancel."""
    if how == "time limit":
        run.cluster.run("scontrol", "update", f"JobId={job}", "EndTime=now")
    else:
        run.cluster.run("scancel", job)


def check(run: Checkout, killed: int) -> None:
    """Check that every part is right, and that not more rows were made twice than jobs were killed without warning."""
    for part in ROWS:
        assert (run.path / f"results/rows/{part}.txt").read_text() == expected_rows(part)
    rows = made(run)
    assert set(rows) == {f"{part}{number}" for part in ROWS for number in range(ROWS[part])}
    assert len(rows) - len(set(rows)) <= killed


@pytest.mark.parametrize("how", ["scancel", "time limit"])
def test_a_job_that_slurm_ends_goes_on_from_its_last_row(run, how):
    process = start(run)
    wait_for(lambda: len(made(run)) > 3, process, 240)
    (job, *_), *_ = jobs(run, "running")
    end_of(run, job, how)
    run.finish(process)
    check(run, killed=0)
    assert sorted(state for _, state, _ in jobs(run)) == sorted(
        [{"scancel": "CANCELLED", "time limit": "TIMEOUT"}[how], *["COMPLETED"] * 3]
    )


def test_jobs_leave_a_node_that_lost_power_and_one_that_is_drained(run):
    process = start(run)
    wait_for(lambda: len(made(run)) > 3, process, 240)
    (_, _, dead), *_ = jobs(run, "running")
    drained = next(node for node in run.cluster.names if node != dead)
    run.cluster.kill_node(dead)
    wait_for(lambda: any(node == drained for _, _, node in jobs(run, "running")), process, 240)
    run.cluster.run("scontrol", "update", f"NodeName={drained}", "State=drain", "Reason=test")
    try:
        wait_for(lambda: not jobs(run, "running,completing"), process, 240)
        assert [state for _, state, node in jobs(run) if node == drained] == ["COMPLETED"], "it ends what it has begun"
        assert jobs(run, "pending"), "and is sent nothing more"
        run.cluster.start_node(dead)
        run.finish(process)
    finally:
        run.cluster.start_node(dead)
        run.cluster.run("scontrol", "update", f"NodeName={drained}", "State=resume")
    check(run, killed=1)
    assert ("NODE_FAIL", dead) in {(state, node) for _, state, node in jobs(run)}


def test_a_controller_that_crashes_costs_no_job(run):
    process = start(run)
    wait_for(lambda: len(made(run)) > 3, process, 240)
    run.cluster.kill_control()
    time.sleep(5)
    run.cluster.start_control()
    run.finish(process)
    check(run, killed=0)
    assert [state for _, state, _ in jobs(run)] == ["COMPLETED"] * 3


def test_jobs_that_outlive_a_killed_snakemake_and_the_next_runs_jobs_do_not_collide(run):
    # with room for all: a job that Slurm lets wait until the first has ended makes its rows again
    half_a_node = ("--set-threads", "rows=2")
    process = start(run, *half_a_node)
    wait_for(lambda: len(made(run)) > 3, process, 240)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    orphans = jobs(run, "running")
    assert orphans
    run.snakemake("--unlock", *CONFIG)
    run.finish(start(run, *half_a_node))
    check(run, killed=0)
    assert {state for _, state, _ in jobs(run)} == {"COMPLETED"}


@pytest.mark.parametrize("partition", ["spare", "scavenge"])
def test_training_goes_on_from_its_last_step_after_preemption(run, tmp_path, partition):
    undisturbed = Checkout(tmp_path / "undisturbed", run.cluster)
    shutil.copytree(TOY, undisturbed.path)
    undisturbed.snakemake(WEIGHTS, "--cores", "1", *CONFIG)

    mine = run.path / "mine" / "config.yaml"
    mine.parent.mkdir()
    mine.write_text(PREEMPTED[partition])
    path = f"{ROOT / 'profiles' / 'preemption'}{os.pathsep}{run.env['PATH']}" if partition == "scavenge" else None
    process = start(run, WEIGHTS, "--profile", str(mine.parent), path=path)
    wait_for(lambda: steps_of(run) > 15, process, 240)
    ((_, _, node),) = jobs(run, "running")
    preempt(run, node)
    run.finish(process)
    # some batches are made ahead, and lost
    assert 150 <= len((run.path / "batches.txt").read_text().split()) < 150 + 15, "the training began anew"
    assert (run.path / WEIGHTS).read_bytes() == (undisturbed.path / WEIGHTS).read_bytes()


def steps_of(run: Checkout) -> int:
    """Return how many steps the training has logged."""
    rows = [line for file in (run.path / "results").rglob("log.jsonl") for line in file.read_text().splitlines()]
    return max((json.loads(row)["step"] for row in rows), default=0)


def preempt(run: Checkout, node: str) -> None:
    """Let a job of the partition main want a whole node."""
    options = ("-p", "main", "-w", node, "--exclusive", "-t", "2", "-o", "/dev/null")
    run.cluster.run("sbatch", *options, "--wrap", "sleep 3")
