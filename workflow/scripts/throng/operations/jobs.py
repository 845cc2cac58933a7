"""The jobs of a run, told from what they leave in the results folder: no scheduler is asked, so any node may look."""

import dataclasses
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from throng.errors import ThrongError
from throng.operations.closing import replay
from throng.operations.measuring import BEAT_SECONDS, END, measured_of
from throng.operations.plan import FOLDER, Failure, Plan, Planned, read_failures, read_plan
from throng.progress import Heard, heard
from throng.retrying import note_of

State = Literal["waiting", "running", "silent", "retry", "failed", "done"]
SILENT_SECONDS = 120.0
# of a job that beats: three beats, and a network file system may show each a minute late
LOST_SECONDS = 4 * BEAT_SECONDS
TAIL_BYTES = 64_000
JOB = ".job.json"
FINISHED = re.compile(r" finished in ([\d.]+) s(?:$|:)", re.MULTILINE)
ERROR = re.compile(r"^\S+ \S+ (?:ERROR|CRITICAL) [\w.]+: (.*)$", re.MULTILINE)
PART = re.compile(r"part-\d+-of-(\d+)")


@dataclasses.dataclass(frozen=True)
class Job:
    """A job: its stage, what tells it from others of its stage, state, and how far it is.

    ``seconds`` is what it took, of one that is done; ``usual`` what it took in the run before.
    """

    stage: str
    wildcards: Mapping[str, str]
    state: State
    log: Path
    begun: float | None = None
    progress: Heard | None = None
    seconds: float | None = None
    usual: float | None = None
    silent_for: float = 0.0
    error: str = ""
    attempt: int = 1
    host: str = ""

    @property
    def name(self) -> str:
        """What tells the job from others of its stage, in a word or two; empty when there is no other."""
        return " ".join(self.wildcards.values())

    @property
    def command(self) -> str:
        """The command that does the job again, outside Snakemake and Slurm."""
        return replay(self.stage, self.log)


@dataclasses.dataclass(frozen=True)
class Seen:
    """The jobs of the latest run, or of all; its plan, whether it still lives, and how many other jobs left logs."""

    jobs: list[Job]
    plan: Plan | None
    alive: bool
    others: int


def jobs_of(results: Path, now: float | None = None) -> list[Job]:
    """Return the jobs of the latest run, as :meth:`Looker.look` does, or without its plan every job that has begun."""
    return Looker(results).look(now).jobs


class Looker:
    """Looks at a results folder, again and again; what has not changed in between is not read again."""

    def __init__(self, results: Path, *, everything: bool = False) -> None:
        self.results, self.everything = results, everything
        self._records: dict[Path, tuple[int, dict[str, Any] | None]] = {}
        self._plan: tuple[int, Plan | None] = (-1, None)

    def look(self, now: float | None = None) -> Seen:
        """Return the jobs, in the order of the plan or of their beginning; ``now`` is in seconds since the epoch.

        A job says of itself that it is done, failed or running; one that has not said for minutes that it lives is
        silent: killed, or its node is lost. Jobs of the plan that have said nothing are waiting, or failed where
        Snakemake heard so. Raises ThrongError when the folder holds no logs.
        """
        logs = self.results / "logs"
        if not logs.is_dir():
            raise ThrongError(
                f"{self.results}: holds no logs, so no run has begun there; name the folder of config key results"
            )
        now = _clock_of(logs) if now is None else now
        plan = self._read_plan()
        alive = plan is not None and plan.ended is None and self._beats(now)
        failures: dict[str, list[Failure]] = {}
        for failure in read_failures(self.results) if plan else ():
            failures.setdefault(failure.log, []).append(failure)
        eye = _Eye(now, alive, self._record)
        placed = {plan.place(job.log, self.results): job for job in plan.jobs} if plan else {}
        jobs = [eye.planned(job, log, failures.get(str(job.log), [])) for log, job in placed.items()]
        others = [log for log in _logs_below(logs) if log not in placed]
        if plan is None or self.everything:
            begun = [job for job in map(eye.unplanned, others) if job]
            return Seen([*jobs, *_current(begun)], plan, alive, 0)
        return Seen(jobs, plan, alive, len(others))

    def record(self, log: Path) -> dict[str, Any] | None:
        """Return what the job with this log says it costs, None where it says nothing."""
        return self._record(log)[1]

    def _read_plan(self) -> Plan | None:
        try:
            changed = Plan.header_of(self.results).stat().st_mtime_ns
        except OSError:
            return None
        if changed != self._plan[0]:
            self._plan = changed, read_plan(self.results)
        return self._plan[1]

    def _beats(self, now: float) -> bool:
        return now - Plan.header_of(self.results).stat().st_mtime < LOST_SECONDS

    def _record(self, log: Path) -> tuple[float, dict[str, Any] | None]:
        """Return when a job last said what it costs, and what."""
        path = measured_of(log)
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return 0.0, None
        if path not in self._records or self._records[path][0] != changed:
            try:
                self._records[path] = changed, json.loads(path.read_text())
            except (OSError, ValueError):
                return 0.0, None
        return changed / 1e9, self._records[path][1]


class _Eye:
    """One look: the state of each job at one moment."""

    def __init__(self, now: float, alive: bool, record: Any) -> None:
        self.now, self.alive, self._record = now, alive, record

    def planned(self, planned: Planned, log: Path, failures: list[Failure]) -> Job:
        """Return a job of the plan, whether it has begun or not."""
        written, record = self._record(log)
        base = Job(planned.stage, planned.wildcards, "waiting", log, usual=planned.seconds)
        if record is not None:
            return self._told(base, record, written, failures, planned.attempts)
        if failures:
            return self._failed(base, failures[-1].message or "died before its work began", failures, planned.attempts)
        return base if planned.todo else dataclasses.replace(base, state="done", usual=None)

    def unplanned(self, log: Path) -> Job | None:
        """Return a job that left a log, of a run without a plan or before the latest one."""
        written, record = self._record(log)
        if record is None:
            return self._of_old(log)
        job = self._told(Job(record["stage"], record["wildcards"], "waiting", log), record, written, [], 1)
        folder = Path(record.get("folder", ""))
        if job.state == "done" and not all((folder / output).exists() for output in record["outputs"]):
            return dataclasses.replace(job, state="waiting", seconds=None)
        return job

    def _told(self, job: Job, record: Mapping[str, Any], written: float, failures: list[Failure], of: int) -> Job:
        job = dataclasses.replace(job, begun=record["began"], attempt=record["attempt"], host=record["host"])
        died = len(failures) >= record["attempt"]  # Snakemake heard of this attempt's end
        if record["state"] in ("failed", "stopped"):
            return self._failed(job, record["reason"], failures, of)
        if died:
            heard_of = failures[-1].message
            return self._failed(job, "killed without a word" + (f": {heard_of}" if heard_of else ""), failures, of)
        if record["state"] == "done":
            return dataclasses.replace(job, state="done", seconds=record["wall_seconds"])
        text, spoken = _tail(job.log, written)  # both by the clock of the files, never by the node's
        told = [line for line in map(heard, text.splitlines()) if line]
        quiet = max(0.0, self.now - spoken)
        state: State = "silent" if quiet > LOST_SECONDS else "running"
        return dataclasses.replace(job, state=state, progress=told[-1] if told else None, silent_for=quiet)

    def _failed(self, job: Job, error: str, failures: list[Failure], of: int) -> Job:
        again = self.alive and len(failures) < of and job.attempt < of and not note_of(job.log).is_file()
        return dataclasses.replace(job, state="retry" if again else "failed", error=error)

    def _of_old(self, log: Path) -> Job | None:
        """Return a job that measured nothing: done when all its outputs are newer than its job file."""
        path = log.with_name(log.name + JOB)
        try:
            job = json.loads(path.read_text())
            begun = path.stat().st_mtime
            stage, wildcards = str(job["stage"]), {str(name): str(value) for name, value in job["wildcards"].items()}
            outputs = [Path(output) for named in job["outputs"].values() for output in named]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None  # being written this moment, or no job file
        text, spoken = _tail(log, begun)
        made = all(_newer(output, begun) for output in outputs)
        errors = ERROR.findall(text)
        quiet = max(0.0, self.now - spoken)
        state: State = "done" if made else "failed" if errors else "silent" if quiet > SILENT_SECONDS else "running"
        told = [line for line in map(heard, text.splitlines()) if line]
        finished = FINISHED.findall(text)
        return Job(
            stage,
            wildcards,
            state,
            log,
            begun,
            told[-1] if told else None,
            float(finished[-1]) if finished else None,
            silent_for=quiet,
            error=errors[-1] if errors and not made else "",
        )


def _logs_below(folder: Path) -> Iterable[Path]:
    """Return the log of every job that has begun."""
    found: set[str] = set()
    for place, folders, names in os.walk(folder):
        if Path(place) == folder and FOLDER.name in folders:
            folders.remove(FOLDER.name)
        for name in names:
            if name.endswith((JOB, END)):
                found.add(f"{place}/{name.removesuffix(JOB).removesuffix(END)}")
    return map(Path, sorted(found))


def _current(jobs: list[Job]) -> list[Job]:
    """Return jobs in the order in which stages began, without parts of a number of chunks that is no longer used."""

    def others(job: Job) -> tuple[str, ...]:
        return (job.stage, *(value for name, value in sorted(job.wildcards.items()) if name != "part"))

    first: dict[str, float] = {}
    newest: dict[tuple[str, ...], tuple[float, str]] = {}
    for job in jobs:
        begun = job.begun or 0.0
        first[job.stage] = min(first.get(job.stage, begun), begun)
        newest[others(job)] = max(newest.get(others(job), (0.0, "")), (begun, chunks_of(job)))
    kept = [job for job in jobs if newest[others(job)][1] == chunks_of(job)]
    return sorted(kept, key=lambda job: (first[job.stage], job.stage, job.name))


def chunks_of(job: Job) -> str:
    """Return of how many parts a job is one, as its name says; empty when it is not one of several."""
    part = PART.fullmatch(job.wildcards.get("part", ""))
    return part[1] if part else ""


def _clock_of(folder: Path) -> float:
    """Return the time by the clock that stamps files in a folder, which may be another than this node's."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
            return Path(file.name).stat().st_mtime
    except OSError:  # a folder of somebody else's
        return time.time()


def _tail(log: Path, begun: float) -> tuple[str, float]:
    """Return the end of a log and when it was last written; nothing when there is none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().decode(errors="replace"), max(begun, log.stat().st_mtime)
    except OSError:
        return "", begun


def _newer(output: Path, begun: float) -> bool:
    # a file system's clock may be coarser than that of the node that wrote the job file
    return output.exists() and output.stat().st_mtime >= begun - 2.0
