"""A real run of Snakemake says at its very end what failed first, or what was made; its inner processes say nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs import SCRIPTS
from throng.operations.jobs import Looker
from throng.operations.plan import read_failures, read_plan

SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
from pathlib import Path
from snakemake.logging import logger
from throng.operations.recorder import Recorder
RUN = Recorder(Path("results"))
onstart:
    RUN.begin(workflow, log, logger)
onsuccess:
    RUN.end(well=True)
onerror:
    RUN.end(well=False)
rule all:
    input: "results/last"
rule good:
    output: "results/good"
    log: "results/logs/good.log"
    run:
        Path(output[0]).write_text("made")
rule killed:
    input: "results/good"
    output: "results/killed-{{part}}"
    log: "results/logs/killed/{{part}}.log"
    retries: 1
    shell: "kill -9 $$"
rule last:
    input: "results/killed-a b"
    output: "results/last"
    log: "results/logs/last.log"
    shell: "touch {{output}}"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "Snakefile").write_text(SNAKEFILE)
    return folder


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_first_failing_job_is_told_last(folder: Path, monkeypatch):
    done = snakemake(folder)
    words = done.stderr[done.stderr.index("throng: ") :]
    assert done.returncode == 1
    assert done.stderr.count("throng: ") == 1, "said by the run alone, not by the processes of its jobs"
    assert done.stderr.index("At least one job did not complete") < done.stderr.index("throng: ")
    assert "1 of 3 jobs failed, 1 are done, 1 were not begun" in words
    assert "rule       killed (part=a b)" in words and "attempt    2 of 2" in words
    assert "why        it died of SIGKILL" in words
    assert words.splitlines()[-2].startswith("to go on   snakemake --cores 1")
    monkeypatch.chdir(folder)
    failures = list(read_failures(Path("results")))
    assert [failure.message for failure in failures] == ["it died of SIGKILL"] * 2
    plan = read_plan(Path("results"))
    assert plan and plan.well is False and plan.ended and plan.targets == ["results/last"]
    seen = Looker(Path("results")).look()
    assert {job.stage: job.state for job in seen.jobs} == {"good": "waiting", "killed": "failed", "last": "waiting"}


def test_a_run_that_ends_well_says_what_it_made(folder: Path):
    done = snakemake(folder, "results/good", "--forceall", "--quiet", "all")
    assert done.returncode == 0
    (words,) = [line for line in done.stderr.splitlines() if line.startswith("throng: ")]
    assert words.startswith("throng: 1 jobs made results/good in ")
    assert done.stderr.rstrip() == words, "with --quiet the only line"
