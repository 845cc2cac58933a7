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
from throng.operations.jobs import Looker, jobs_of
from throng.operations.measuring import measured_of
from throng.operations.plan import Failure, Plan, Planned
from throng.operations.status import run_of, stages_of
from throng.progress import heard, said
from throng.retrying import note_of
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


def measured(results: Path, stage: str, part: str, state: str, *, attempt=1, seconds=30.0, ago: float = 5, reason=""):
    """Leave what a job says of itself in ``state``, written ``ago`` seconds before NOW."""
    log = results / "logs" / stage / f"{part}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    output = results / stage / f"{part}.parquet"
    record = {
        "stage": stage,
        "wildcards": {"part": part},
        "attempt": attempt,
        "state": state,
        "reason": reason,
        "host": "n1",
        "began": NOW - 60,
        "wall_seconds": seconds,
        "outputs": [str(output)],
        "folder": str(results),
    }
    path = measured_of(log)
    path.write_text(json.dumps(record))
    os.utime(path, (NOW - ago, NOW - ago))
    if state == "done":
        output.parent.mkdir(exist_ok=True)
        output.write_bytes(b"")
    return log


def plan(
    results: Path, *jobs: tuple[str, str], attempts=3, todo=True, seconds: float | None = None, ended=None
) -> Plan:
    """Leave the plan of a run that lives at NOW."""
    planned = [
        Planned(stage, {"part": part}, results / "logs" / stage / f"{part}.log", attempts, todo, seconds)
        for stage, part in jobs
    ]
    made = Plan(NOW - 100, "login", 1, str(results), str(results), ["snakemake"], [], [], planned, ended)
    made.write(results)
    os.utime(Plan.header_of(results), (NOW - 10, NOW - 10))
    return made


def states(results: Path, **options) -> dict[str, str]:
    return {f"{job.stage} {job.name}": job.state for job in Looker(results, **options).look(NOW).jobs}


A, B, OLD = "part-000-of-002", "part-001-of-002", "part-000-of-004"


def test_jobs_of_the_plan_that_have_not_begun_are_waiting_and_counted(results: Path):
    plan(results, ("detect", A), ("detect", B), ("remove", A), ("remove", B), seconds=20.0)
    measured(results, "detect", A, "done", seconds=30)
    measured(results, "detect", B, "running")
    measured(results, "detect", OLD, "done")
    seen = Looker(results).look(NOW)
    detect, remove = stages_of(seen.jobs)
    assert (detect.done, detect.running, remove.waiting, remove.known) == (1, 1, 2, 2)
    assert remove.seconds_left == 40, "two rounds, as one job runs now"
    assert seen.others == 1, "a part of another number of chunks is none of this run's"
    assert seen.alive
    total = run_of(seen.jobs)
    assert (total.known, total.done, total.seconds_left) == (4, 1, 30 / 2 + 2 * 20), "detect takes 30 s, half is left"
    assert f"detect {OLD}" in states(results, everything=True)


def test_what_nobody_has_timed_is_named(results: Path):
    plan(results, ("detect", A), ("remove", A))
    measured(results, "detect", A, "done")
    total = run_of(Looker(results).look(NOW).jobs)
    assert total.unknown == ["remove"] and total.seconds_left is None


def test_a_job_that_no_longer_says_that_it_lives_is_silent_whatever_the_node_s_clock(results: Path):
    plan(results, ("detect", A), ("detect", B))
    log = measured(results, "detect", A, "running", ago=20)
    log.write_text("2026-01-01 00:00:00,000 INFO throng: loading\n")
    os.utime(log, (NOW - 900, NOW - 900))
    measured(results, "detect", B, "running", ago=900)
    assert states(results) == {f"detect {A}": "running", f"detect {B}": "silent"}


def test_what_snakemake_heard_decides_over_a_job_that_could_not_speak(results: Path):
    made = plan(results, ("detect", A), ("detect", B), attempts=1)
    measured(results, "detect", A, "running")
    for job, message in zip(
        made.jobs, ("SLURM status is: 'OUT_OF_MEMORY'", "SLURM status is: 'NODE_FAIL'"), strict=True
    ):
        Failure(str(job.log), NOW, message, []).append(results)
    found = {job.name: (job.state, job.error) for job in Looker(results).look(NOW).jobs}
    assert found[A] == ("failed", "killed without a word: SLURM status is: 'OUT_OF_MEMORY'")
    assert found[B] == ("failed", "SLURM status is: 'NODE_FAIL'"), "it never began"


def test_a_failed_attempt_is_no_failed_job_while_another_may_cure_it(results: Path):
    made = plan(results, ("detect", A), ("detect", B))
    log = measured(results, "detect", A, "failed", reason="no memory")
    measured(results, "detect", B, "running", attempt=2)
    Failure(str(made.jobs[0].log), NOW, "", []).append(results)
    Failure(str(made.jobs[1].log), NOW, "", []).append(results)
    assert states(results) == {f"detect {A}": "retry", f"detect {B}": "running"}
    note_of(log).write_text("no such file\n")
    assert states(results)[f"detect {A}"] == "failed", "no attempt cures it"
    note_of(log).unlink()
    plan(results, ("detect", A), ("detect", B), ended=NOW)
    assert states(results)[f"detect {A}"] == "failed", "nobody sends it again"


def test_what_was_up_to_date_is_done_and_removed_outputs_are_to_be_made_again(results: Path):
    plan(results, ("detect", A), todo=False)
    assert states(results) == {f"detect {A}": "done"}
    measured(results, "remove", B, "done")
    (results / "remove" / f"{B}.parquet").unlink()
    assert states(results, everything=True)[f"remove {B}"] == "waiting"


def test_without_a_plan_parts_of_an_older_number_of_chunks_are_left_out(results: Path):
    begin(results, "detect", "detect finished in 30.0 s", part=OLD, ago=900, spoken=800, made=True)
    begin(results, "detect", "detect: 30 of 90, 3/s, 20 s left", part=A)
    (detect,) = stages_of(jobs_of(results, NOW))
    assert (detect.known, detect.running, detect.waiting) == (2, 1, 1)


def test_files_that_are_half_written_or_foreign_do_not_end_a_look(results: Path):
    plan(results, ("detect", A), ("remove", A))
    measured_of(measured(results, "detect", A, "done")).write_text('{"stage": ')
    (results / "logs" / "run" / "failures.jsonl").write_text('{"log": "x"}\n{"lo')
    (results / "logs" / "notes.txt").write_text("mine")
    assert states(results) == {f"detect {A}": "waiting", f"remove {A}": "waiting"}


def test_json_holds_every_job_and_the_run(results: Path):
    plan(results, ("detect", A), ("detect", B), attempts=1)
    measured(results, "detect", A, "failed", reason="no such crowd")
    shown = CliRunner().invoke(app, ["status", str(results), "--json"])
    told = json.loads(shown.stdout)
    assert shown.exit_code == 1 and told["run"]["host"] == "login"
    assert [(job["state"], job["error"]) for job in told["jobs"]] == [("failed", "no such crowd"), ("waiting", "")]
    assert told["jobs"][0]["command"].startswith("python workflow/scripts/detect.py --job ")
