import json
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from throng.bar import Bar
from throng.cli import app
from throng.errors import ThrongError
from throng.operations.duration import duration
from throng.operations.jobs import jobs_of
from throng.operations.status import stages_of
from throng.progress import heard, said
from throng.workdir import Ticker

NOW = 1_000_000.0


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    (folder / "logs").mkdir(parents=True)
    return folder


def begin(results: Path, stage: str, *lines: str, part: str = "", ago: float = 60, spoken: float = 5, made=False):
    """Leave what a job leaves that began ``ago`` seconds before NOW and last spoke ``spoken`` seconds before it."""
    log = results / "logs" / stage / f"{part or 'job'}.log"
    log.parent.mkdir(exist_ok=True)
    output = results / stage / f"{part or 'job'}.parquet"
    job = {"stage": stage, "wildcards": {"part": part} if part else {}, "outputs": {"table": [str(output)]}}
    path = log.with_name(log.name + ".job.json")
    path.write_text(json.dumps(job))
    log.write_text("".join(f"2026-01-01 00:00:00,000 INFO throng: {line}\n" for line in lines))
    os.utime(path, (NOW - ago, NOW - ago))
    os.utime(log, (NOW - spoken, NOW - spoken))
    if made:
        output.parent.mkdir(exist_ok=True)
        output.write_bytes(b"")
        os.utime(output, (NOW - spoken, NOW - spoken))
    return log


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.floats(1e-3, 1e5))
def test_a_line_is_heard_as_it_was_said(done, total, rate):
    line = heard("2026-01-01 00:00:00,000 INFO throng.workdir: " + said("detect", done, total, rate))
    assert line and line.what == "detect"
    assert (line.done, line.total, line.rate) == pytest.approx((done, total, rate), rel=1e-2)


def test_rows_and_trainings_say_lines_that_are_heard(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("throng.bar.QUIET_SECONDS", 0.0)
    ticker = Ticker("detect", done=0, total=2, every=0.0)
    ticker.advance()
    with Bar("training compact", "step", 100, 40) as bar:
        bar.tick(50, "")
    told = [heard(record.getMessage()) for record in caplog.records]
    assert [(line.done, line.total) for line in told if line] == [(1, 2), (50, 100)]


def test_states_follow_from_outputs_and_logs(results: Path):
    begin(
        results,
        "detect",
        "detect: 9 of 9, 3/s, 0 s left",
        "detect finished in 30.0 s",
        part="part-000-of-004",
        made=True,
    )
    begin(results, "detect", "detect: 30 of 90, 3/s, 20 s left", part="part-001-of-004")
    begin(results, "detect", "detect: 3 of 9, 3/s, 2 s left", part="part-002-of-004", ago=9000, spoken=900)
    failed = begin(results, "remove", part="part-000-of-001")
    failed.write_text("2026-01-01 00:00:00,000 ERROR throng: no such file\n")
    jobs = jobs_of(results, NOW)
    assert sorted(job.state for job in jobs) == ["done", "failed", "running", "silent"]
    (broken,) = [job for job in jobs if job.state == "failed"]
    assert broken.error == "no such file" and broken.command.endswith("part-000-of-001.log.job.json")
    detect, remove = stages_of(jobs)
    assert (detect.known, detect.done, detect.running, detect.silent, detect.waiting) == (4, 1, 1, 1, 1)
    assert detect.seconds_left == 20 + 30, "what runs, then one more round of the job that has not begun"
    assert remove.failed == 1 and remove.seconds_left is None


def test_a_job_that_is_done_again_is_not_done(results: Path):
    log = begin(results, "detect", "detect finished in 30.0 s", part="part-000-of-001", ago=60, spoken=50, made=True)
    job = log.with_name(log.name + ".job.json")
    os.utime(job, (NOW - 10, NOW - 10))
    assert [one.state for one in jobs_of(results, NOW)] == ["running"]


def test_the_command_shows_failures_and_exits_with_one(results: Path):
    begin(results, "detect", part="part-000-of-001").write_text(
        "2026-01-01 00:00:00,000 ERROR throng: the disk is full\n"
    )
    shown = CliRunner().invoke(app, ["status", str(results)])
    assert shown.exit_code == 1 and "the disk is full" in shown.output and "--job" in shown.output


def test_a_folder_without_a_run_is_said(tmp_path: Path):
    with pytest.raises(ThrongError, match="no run has begun"):
        jobs_of(tmp_path)


@pytest.mark.parametrize(("seconds", "words"), [(None, "?"), (20, "20 s"), (200, "3 min"), (7500, "2 h 05 min")])
def test_durations_are_said_as_people_do(seconds, words):
    assert duration(seconds) == words
