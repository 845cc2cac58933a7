"""The plan of the latest run, in ``<results>/logs/run``: its jobs, who began it, and which attempts failed so far."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from throng.files import write_text

FOLDER = Path("logs") / "run"
HEADER, JOBS, FAILURES = "run.json", "plan.json", "failures.jsonl"


@dataclasses.dataclass(frozen=True, eq=False)
class Planned:
    """One job of a run: how often it may be sent, whether it was to be done, and the seconds it took the last time."""

    stage: str
    wildcards: Mapping[str, str]
    log: Path
    attempts: int
    todo: bool
    seconds: float | None

    @property
    def name(self) -> str:
        """The stage and what tells the job from others of it."""
        return " ".join([self.stage, *self.wildcards.values()])


@dataclasses.dataclass(frozen=True)
class Failure:
    """An attempt that failed, as Snakemake heard of it: what it was told, and logs beside the job's own."""

    log: str
    when: float
    message: str
    logs: list[str]

    def append(self, results: Path) -> None:
        """Add it to those of the run."""
        with (results / FOLDER / FAILURES).open("a") as file:
            file.write(json.dumps(dataclasses.asdict(self)) + "\n")


@dataclasses.dataclass
class Plan:
    """A run of Snakemake: when, where and how it was begun, its jobs, and how it ended; times since the epoch."""

    began: float
    host: str
    process: int
    folder: str
    results: str
    command: list[str]
    logs: list[str]
    targets: list[str]
    jobs: list[Planned]
    ended: float | None = None
    well: bool | None = None

    @staticmethod
    def header_of(results: Path) -> Path:
        """Return the file that a run touches while it lives."""
        return results / FOLDER / HEADER

    def place(self, log: Path, results: Path) -> Path:
        """Return where a job's log lies for one who sees the run's results as ``results``."""
        below = Path(self.results)
        return results / log.relative_to(below) if log.is_relative_to(below) else Path(self.folder) / log

    def write(self, results: Path) -> None:
        """Write the plan in the place of the run before."""
        jobs = [
            [job.stage, dict(job.wildcards), str(job.log), job.attempts, job.todo, job.seconds] for job in self.jobs
        ]
        write_text(results / FOLDER / FAILURES, "")
        write_text(results / FOLDER / JOBS, "\n".join(map(json.dumps, jobs)) + "\n")
        self.write_header(results)

    def write_header(self, results: Path) -> None:
        """Write what is known of the run itself."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "jobs"}
        write_text(self.header_of(results), json.dumps(fields, indent=1) + "\n")


def read_plan(results: Path) -> Plan | None:
    """Return the plan of the latest run, None where there is none, or none that this version can read."""
    try:
        header: dict[str, Any] = json.loads(Plan.header_of(results).read_text())
        lines = (results / FOLDER / JOBS).read_text().splitlines()
        jobs = [
            Planned(stage, wildcards, Path(log), attempts, todo, seconds)
            for stage, wildcards, log, attempts, todo, seconds in map(json.loads, lines)
        ]
        return Plan(**header, jobs=jobs)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_failures(results: Path) -> Iterator[Failure]:
    """Yield the attempts of the latest run that failed, in their order."""
    try:
        lines = (results / FOLDER / FAILURES).read_text().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            yield Failure(**json.loads(line))
        except (ValueError, TypeError):
            continue  # being written this moment
