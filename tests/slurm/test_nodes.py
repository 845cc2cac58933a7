"""A counter that two nodes of one Slurm job train: the bytes of two processes on one node, whatever is killed."""

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest

from conftest import QUICK, wait_for

pytestmark = pytest.mark.slurm

FOLDER = Path("results/tiny/train_counter/shared/seed-1")
MADE = ("counter.safetensors", "history.jsonl")
TARGET = str(FOLDER / MADE[0])
SECTION = """
train_counter:
  counters:
    - {{name: shared, data: {{synthetic: 0}}, steps: {steps}, val_every: 20, warmup_steps: 2, crop: [64, 96],
       batch_size: 2, checkpoint_seconds: 0.2, nodes: {nodes}, processes: {processes}}}
"""
STEPS = 120


def ranks(checkout, node):
    """Return the processes of the trained group that run on a node."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            here = (process / "cwd").readlink() == checkout.path
            if here and f"SLURMD_NODENAME={node}".encode() in environment and b"WORLD_SIZE=2" in environment:
                found.append(int(process.name))
    return found


def newest(checkout):
    steps = checkout.path.glob("results/tiny/.work/train_counter/*/checkpoints/step-*")
    return max((int(path.name[5:]) for path in steps), default=0)


def job_of(cluster):
    (job,) = cluster.run("squeue", "-h", "-t", "running", "-o", "%i").split()
    return job


def test_two_nodes_train_as_two_processes_of_one_and_go_on_whatever_is_killed(checkout):
    run = checkout()
    config = ("--configfile", "config/tiny.yaml", "shared.yaml")

    (run.path / "shared.yaml").write_text(SECTION.format(nodes=1, processes=2, steps=STEPS))
    run.snakemake(TARGET, "--cores", "2", *config)
    wanted = [(run.path / FOLDER / name).read_bytes() for name in MADE]

    (run.path / "shared.yaml").write_text(SECTION.format(nodes=2, processes=1, steps=STEPS))
    # as many threads in each process as before: sums of another order are other numbers
    spread = (TARGET, "--profile", "profiles/slurm", *QUICK, "--set-threads", "train_counter=1", *config)
    stopped = (*spread, "--retries", "0")
    log = run.path / "results/tiny/logs/train_counter/shared/seed-1.log"

    process = run.start(*stopped)
    wait_for(lambda: newest(run) >= 5, process, 400)
    assert len(ranks(run, "n1")) == len(ranks(run, "n2")) == 1
    os.kill(*ranks(run, "n2"), signal.SIGKILL)
    process.communicate(timeout=400)
    assert process.returncode != 0
    assert "process 2 of 2 was killed by SIGKILL" in log.read_text()
    assert not ranks(run, "n1")
    killed = newest(run)

    process = run.start(*stopped)
    wait_for(lambda: newest(run) > killed + 5, process, 400)
    run.cluster.run("scancel", "--signal=TERM", job_of(run.cluster))
    process.communicate(timeout=400)
    assert process.returncode != 0
    (step,) = re.findall(r"was asked to stop after step (\d+) of", log.read_text())
    assert newest(run) == int(step) < STEPS
    assert not log.with_name(log.name + ".incurable").exists()

    run.snakemake(*spread)
    assert [(run.path / FOLDER / name).read_bytes() for name in MADE] == wanted
