"""The last words of a run: what was made and what it took, or which job failed first, why, and how to go on."""

import glob
import json
import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.operations.duration import duration
from throng.operations.measuring import measured_of
from throng.operations.plan import Failure, Plan, Planned
from throng.retrying import note_of

TAIL_LINES, TAIL_BYTES = 20, 64_000
OTHERS = 5


def ended_well(plan: Plan) -> str:
    """Return the line that says what a run made, how long it took, its rows, and its slowest stages."""
    records = [record for job in plan.jobs if job.todo and (record := measured(job.log))]
    rejected: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for record in records:
        rejected.update(record.get("rows_rejected") or {})
        seconds[record["stage"]] += record["wall_seconds"]
    kept = sum(record.get("rows_kept") or 0 for record in records)
    made = ", ".join(plan.targets[:3]) + (f" and {len(plan.targets) - 3} more" if len(plan.targets) > 3 else "")
    done = sum(job.todo for job in plan.jobs)
    reasons = ", ".join(f"{reason} {number}" for reason, number in rejected.most_common(3))
    slowest = ", ".join(f"{stage} {duration(time_)}" for stage, time_ in seconds.most_common(3))
    took = f"{done} jobs made {made} in {duration((plan.ended or time.time()) - plan.began)}"
    if not records:  # of jobs that measure nothing
        return f"throng: {took}"
    rows = f"rows {kept} kept, {rejected.total()} rejected" + (f" ({reasons})" if reasons else "")
    return f"throng: {took}, CPU {duration(_cpu(records))}; {rows}; longest {slowest}"


def _cpu(records: Sequence[Mapping[str, Any]]) -> float:
    every = [one for record in records for one in [record, *record.get("earlier", [])]]
    return sum(one["cpu_seconds"] for one in every)


def ended_badly(plan: Plan, failed: Mapping[Planned, Sequence[Failure]], done: int) -> str:
    """Return what is to be known of a run in which jobs failed for good; ``failed`` has the first to fail first."""
    todo = sum(job.todo for job in plan.jobs)
    command = shlex.join(plan.command)
    if not failed:
        return f"throng: stopped with {done} of {todo} jobs done; what is finished stays. To go on: {command}"
    first = next(iter(failed))
    others = [f"  {job.name}: {reason(job, failed[job])}" for job in list(failed)[1 : 1 + OTHERS]]
    more = len(failed) - 1 - OTHERS
    return "\n".join(
        [
            "",
            f"throng: {len(failed)} of {todo} jobs failed, {done} are done, {max(0, todo - done - len(failed))} "
            f"were not begun or not finished. The first to fail:",
            *_first(first, failed[first]),
            *(["then these:", *others] if others else []),
            *([f"  and {more} more: throng status"] if more > 0 else []),
            f"to go on   {command}",
            "           (what is finished is not made again; finished rows of a job that died are kept)",
        ]
    )


def _first(job: Planned, failures: Sequence[Failure]) -> list[str]:
    record = measured(job.log) or {}
    logs = list(dict.fromkeys(name for failure in failures for name in failure.logs))
    wildcards = ", ".join(f"{name}={value}" for name, value in job.wildcards.items())
    shown = job.log if record else next((Path(name) for name in reversed(logs) if Path(name).is_file()), job.log)
    node = f", on {record['host']}" if record else ""
    job_file = Path(f"{job.log}.job.json")
    return [
        f"rule       {job.stage}" + (f" ({wildcards})" if wildcards else ""),
        f"attempt    {len(failures)} of {job.attempts}{node}",
        f"why        {reason(job, failures)}",
        f"log        {job.log}" + ("" if shown == job.log else " (not begun)"),
        *(f"           {name}" for name in [*_earlier_logs(job.log), *logs]),
        *(f"  | {line}" for line in tail(shown)),
        *([f"replay     {replay(job.stage, job.log)}"] if record and job_file.is_file() else []),
    ]


def _earlier_logs(log: Path) -> list[str]:
    """Return the kept logs of a job's attempts, without that of the newest, which is the log itself."""
    kept = sorted(log.parent.glob(f"{glob.escape(log.name)}.attempt-*"))
    return [str(path) for path in kept if not (log.exists() and path.samefile(log))]


def reason(job: Planned, failures: Sequence[Failure]) -> str:
    """Return why a job failed, in a sentence: its own, or what Slurm or Snakemake know of one that died silently."""
    note, record = note_of(job.log), measured(job.log)
    heard = next((failure.message for failure in reversed(failures) if failure.message), "")
    if record and record["state"] in ("failed", "stopped"):
        return str(record["reason"]) + (f" [{heard}]" if heard and record["state"] == "stopped" else "")
    if record and record["state"] == "done":
        return (
            heard or "it ended well, but Snakemake did not find what it made; on a slow file system raise latency-wait"
        )
    if note.is_file():
        return note.read_text().strip()
    if record is None:
        return heard or "it died before its own work began; Snakemake's words above say more"
    held = f"{(record.get('memory_peak_bytes') or 0) / 1e9:.1f} GB"
    silent = f"killed without a word, as for lack of memory (it held {held} when it last told) or with its node"
    return f"{silent}; {heard}" if heard else silent


def replay(stage: str, log: Path) -> str:
    """Return the command that does a job again outside Snakemake and Slurm."""
    return shlex.join(["python", f"workflow/scripts/{stage}.py", "--job", f"{log}.job.json"])


def measured(log: Path) -> dict[str, Any] | None:
    """Return what a job said of itself, None when it did not begin in this run."""
    try:
        record: dict[str, Any] = json.loads(measured_of(log).read_text())
        return record
    except (OSError, ValueError):
        return None


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """Return the last ``lines`` of a log, none when it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
