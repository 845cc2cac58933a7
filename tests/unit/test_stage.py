"""A job's frame: the job file is written first and replays the job; users' errors are one sentence and exit code 1."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from throng.closure import code_digest
from throng.config import load
from throng.manifest import read_footer
from throng.provenance import canonical_json
from throng.sections.base import output_slice

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


def job_file(folder: Path, stage: str, raw: dict, outputs: dict[str, str], inputs: dict[str, list[str]]) -> Path:
    config = load(raw)
    job = {
        "stage": stage,
        "inputs": inputs,
        "outputs": {name: [path] for name, path in outputs.items()},
        "params": {
            "config": canonical_json({stage: output_slice(getattr(config, stage)), "seed": config.seed}),
            "code": code_digest(SCRIPTS / f"{stage}.py"),
        },
        "wildcards": {},
        "threads": 1,
        "log": "logs/job.log",
        "section": raw.get(stage, {}),
        "roots": {"results": "results"},
        "log_level": "INFO",
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


def replay(path: Path, stage: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / f"{stage}.py"), "--job", path.name]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True)


def test_a_job_file_replays_the_job_outside_snakemake(tmp_path):
    raw = {"prompt": {"counts": [0, 3], "repeats": 2}}
    path = job_file(tmp_path, "prompt", raw, {"prompts": "results/prompts.parquet"}, {})
    done = replay(path, "prompt")
    assert done.returncode == 0, done.stderr
    footer = read_footer(tmp_path / "results" / "prompts.parquet")
    assert footer["config"]["prompt"]["counts"] == [0, 3]
    assert (footer["stage"], footer["seed"]) == ("prompt", 0)
    assert "finished" in (tmp_path / "logs" / "job.log").read_text()
    measured = json.loads((tmp_path / "logs" / "job.log.measured.json").read_text())
    rows = pq.read_metadata(tmp_path / "results" / "prompts.parquet").num_rows
    assert (measured["state"], measured["rows_kept"], measured["rows_rejected"]) == ("done", rows, {})
    before = (tmp_path / "results" / "prompts.parquet").read_bytes()
    assert replay(path, "prompt").returncode == 0
    assert (tmp_path / "results" / "prompts.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"section": {"counts": [1]}}, "is not the one its params name"),
        ({"inputs": {"images": ["gone.parquet"], "removals": ["gone.parquet"]}, "stage": "rank_pairs"}, "gone.parquet"),
    ],
)
def test_an_error_for_the_user_is_one_sentence_with_the_log(tmp_path, change, sentence):
    stage = change.get("stage", "prompt")
    path = job_file(tmp_path, stage, {}, {"prompts": "p.parquet", "table": "p.parquet"}, {})
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    done = replay(path, stage)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "logs/job.log" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "p.parquet").exists()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ENOSPC", "no space is left on the disk of the results; free some and run again"),
        ("EIO", "photos/a.jpg: it failed; when the disk answers again, run again"),
        ("EROFS", "photos/a.jpg: it failed; give yourself the right to it"),
    ],
)
def test_what_a_disk_does_is_one_sentence(tmp_path, code, sentence):
    path = job_file(tmp_path, "report", {}, {"page": "p.html"}, {})
    program = (
        "import errno\nfrom throng.sections.report import Report\nfrom throng.stage import main\n"
        f"def run(*_):\n    raise OSError(errno.{code}, 'it failed', 'photos/a.jpg')\n"
        "main(run, Report, None)\n"
    )
    command = [sys.executable, "-c", program, "--job", path.name]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_attempt_for_nothing_keeps_the_first_one_s_log_which_snakemake_deletes(tmp_path):
    path = job_file(tmp_path, "prompt", {}, {"prompts": "p.parquet"}, {})
    job = json.loads(path.read_text()) | {"section": {"counts": [1]}}
    log = tmp_path / "logs" / "job.log"
    for attempt in (1, 2, 3):
        path.write_text(json.dumps(job | {"attempt": attempt}))
        log.unlink(missing_ok=True)
        assert replay(path, "prompt").returncode == 1
    lines = log.read_text().splitlines()
    assert "attempt 1" in lines[0]
    assert [line.count("is not the one its params name") for line in lines[-3:]] == [1, 1, 1]
    assert "attempt 3 would end as the first did" in lines[-1]


DEAF = """
import time
from throng import stage
from throng.sections.report import Report
def run(*_):
    try:
        print("begun", flush=True)
        time.sleep(60)
    except SystemExit:
        time.sleep(60)
stage.GRACE_SECONDS = 1
stage.main(run, Report, None)
"""


def test_a_job_that_does_not_hear_that_it_is_to_stop_ends_after_its_grace(tmp_path):
    path = job_file(tmp_path, "report", {}, {"page": "p.html"}, {})
    command = [sys.executable, "-c", DEAF, "--job", path.name]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.wait(timeout=60) == -signal.SIGALRM
