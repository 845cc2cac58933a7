"""The whole workflow under a real Slurm: the same bytes as on one machine, and nothing made twice after a kill."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import QUICK, wait_for

pytestmark = pytest.mark.slurm

TINY = ("--configfile", "config/tiny.yaml")
RESULTS = Path("results/tiny")
RELEASE = f"{RESULTS}/release/throng-tiny/index.json"
LONGER = """
render: {crowdhuman: 60, shanghaitech: 12, width: 640, height: 480, max_people: 40, folder: resources/longer}
ingest:
  val_fraction: 0.2
  sources:
    - {name: rendered, format: crowdhuman, root: resources/longer/crowdhuman, licence: CC0-1.0, redistributable: true}
"""


def checksums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def job_processes(script, folder):
    """Return the processes that run a rule's script for the workflow in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_text().split("\0")
            here = (process / "cwd").readlink() == folder
            if here and any(argument.endswith(f".{script}") for argument in arguments):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_the_demo_makes_the_same_release_on_the_cluster_as_on_one_machine(checkout):
    cluster_run, local_run = checkout("cluster"), checkout("local")
    install = [sys.executable, "profiles/install.py"]
    subprocess.run(install, cwd=cluster_run.path, env=cluster_run.env, check=True, capture_output=True)

    cluster_run.snakemake("--profile", "slurm", *QUICK, *TINY)
    local_run.snakemake(RELEASE, "--cores", "2", *TINY)

    ran = cluster_run.cluster.run("squeue", "-h", "-t", "completed", "-o", "%k %N").split("\n")
    stages = {line.removeprefix("rule_").split("_wildcards")[0].split(" ")[0] for line in ran if line}
    assert stages >= {"render", "ingest", "detect", "remove", "synthesize", "train_counter", "release", "report"}

    release = checksums(cluster_run.path / RESULTS / "release")
    assert any(name.endswith(".parquet") for name in release) and any(name.endswith(".tar") for name in release)
    assert release == checksums(local_run.path / RESULTS / "release")
    assert "Nothing to be done" in local_run.snakemake(RELEASE, "--profile", "profiles/slurm", *TINY)


def test_a_killed_job_goes_on_where_it_stopped_and_nothing_else_runs_again(checkout):
    run = checkout()
    (run.path / "longer.yaml").write_text(LONGER)
    config = (*TINY, "longer.yaml")
    options = ("--profile", "profiles/slurm", *QUICK, "--retries", "0", *config)
    results = run.path / RESULTS
    run.snakemake("--cores", "2", "--until", "detect", *config)

    rows = lambda: list(results.glob(".work/remove/*/*/rows/*.json"))  # noqa: E731
    process = run.start("--until", "remove", *options)
    wait_for(lambda: len(rows()) >= 4, process)
    victims = job_processes("remove.py", run.path)
    assert victims, "no job is running"
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode != 0, "the kill came too late"
    kept = {row: row.stat().st_mtime_ns for row in rows()}
    assert kept, "the killed job left nothing to go on from"
    made = {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")}

    run.snakemake("--until", "remove", *options)
    logs = "".join(path.read_text() for path in (results / "logs/remove").glob("*.log"))
    assert sum(map(int, re.findall(r"resuming, (\d+) of", logs))) == len(kept)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert len(list((results / "remove").glob("*.parquet"))) == 2
    assert not rows(), "the scratch folder is gone once the outputs are in place"
