"""A run's last words: the reason of a job that spoke, of one that could not, and the command that replays it."""

import json
import shlex
from pathlib import Path

import pytest

from throng.operations.closing import ended_badly, ended_well, reason
from throng.operations.measuring import measured_of
from throng.operations.plan import Failure, Plan, Planned
from throng.operations.recorder import cause_in


def planned(folder: Path, stage: str, part: str) -> Planned:
    return Planned(stage, {"part": part}, folder / "my logs" / stage / f"{part}.log", 3, True, None)


def left(job: Planned, state: str, *, text: str = "", **more) -> Planned:
    """Leave a job's log, job file and record."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    job.log.write_text(text)
    Path(f"{job.log}.job.json").write_text("{}")
    record = {"stage": job.stage, "state": state, "reason": "", "host": "n7", "wall_seconds": 60.0, "cpu_seconds": 90.0}
    measured_of(job.log).write_text(json.dumps(record | more))
    return job


def run(folder: Path, *jobs: Planned) -> Plan:
    command = ["snakemake", "--profile", "my slurm"]
    return Plan(0.0, "login", 1, str(folder), str(folder), command, [], ["index.json"], list(jobs), 120.0)


def failure(job: Planned, message: str = "", logs: tuple[str, ...] = ()) -> Failure:
    return Failure(str(job.log), 1.0, message, list(logs))


@pytest.mark.parametrize(
    ("state", "said", "heard", "expected"),
    [
        ("failed", "image 3 is no image", "", "image 3 is no image"),
        ("stopped", "terminated by the scheduler", "SLURM status is: 'TIMEOUT'", "terminated by the scheduler [SLURM"),
        ("running", "", "SLURM status is: 'OUT_OF_MEMORY'", "it held 3.5 GB when it last told"),
        ("running", "", "SLURM status is: 'OUT_OF_MEMORY'", "SLURM status is: 'OUT_OF_MEMORY'"),
        ("done", "", "", "raise latency-wait"),
    ],
)
def test_the_reason_is_the_job_s_own_or_what_the_scheduler_knows(tmp_path, state, said, heard, expected):
    job = left(planned(tmp_path, "remove", "a"), state, reason=said, memory_peak_bytes=3.5e9)
    assert expected in reason(job, [failure(job, heard)])


def test_a_job_that_never_began_shows_the_scheduler_s_log(tmp_path):
    job = planned(tmp_path, "remove", "a")
    slurm = tmp_path / "12.log"
    slurm.write_text("srun: error: n2: cannot change directory\n")
    words = ended_badly(run(tmp_path, job), {job: [failure(job, "NODE_FAIL", (str(slurm),))]}, 0)
    assert "why        NODE_FAIL" in words and "cannot change directory" in words and "replay" not in words


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "slurmstepd: error: Detected 1 oom_kill event in StepId=12.batch. Some tasks are OOM Killed.",
            True,
        ),
        ("slurmstepd: error: *** JOB 12 ON n2 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***", True),
        ("slurmstepd: error: *** JOB 12 ON n2 CANCELLED AT 2026-01-01T00:00:00 DUE TO NODE FAILURE ***", True),
        ("WorkflowError: At least one job did not complete successfully.", False),
    ],
)
def test_what_slurm_did_to_a_job_is_found_in_its_log(tmp_path, line, found):
    (tmp_path / "12.log").write_text(f"[Sun Nov 22] job begins\n{line}\nShutting down, this might take some time.\n")
    assert cause_in(tmp_path / "12.log") == (line if found else "")


def test_the_last_twenty_lines_and_a_command_for_the_shell_are_shown(tmp_path):
    text = "".join(f"line {number}\n" for number in range(100))
    job = left(planned(tmp_path, "remove", "a"), "failed", text=text, reason="no")
    other = left(planned(tmp_path, "detect", "b"), "failed", reason="no such file")
    heard = {job: [failure(job), failure(job)], other: [failure(other)]}
    words = ended_badly(run(tmp_path, job, other, planned(tmp_path, "release", "")), heard, 0)
    assert "2 of 3 jobs failed, 0 are done, 1 were not begun" in words
    assert "| line 80\n" in words and "| line 79\n" not in words
    assert "attempt    2 of 3, on n7" in words and "detect b: no such file" in words
    (command,) = [line.split(None, 1)[1] for line in words.splitlines() if line.startswith("replay")]
    assert shlex.split(command) == ["python", "workflow/scripts/remove.py", "--job", f"{job.log}.job.json"]
    assert "to go on   snakemake --profile 'my slurm'" in words


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path):
    words = ended_badly(run(tmp_path, planned(tmp_path, "remove", "a")), {}, 0)
    assert (
        words
        == "throng: stopped with 0 of 1 jobs done; what is finished stays. To go on: snakemake --profile 'my slurm'"
    )


def test_the_closing_line_sums_rows_and_names_the_longest_stages(tmp_path):
    one = left(planned(tmp_path, "remove", "a"), "done", rows_kept=5, rows_rejected={"crowded": 2})
    two = left(planned(tmp_path, "remove", "b"), "done", rows_kept=4, rows_rejected={"nobody": 1, "crowded": 1})
    three = left(planned(tmp_path, "report", ""), "done", wall_seconds=5.0, rows_kept=None)
    assert ended_well(run(tmp_path, one, two, three)) == (
        "throng: 3 jobs made index.json in 2 min, CPU 4 min; rows 9 kept, 4 rejected (crowded 3, nobody 1); "
        "longest remove 2 min, report 5 s"
    )
