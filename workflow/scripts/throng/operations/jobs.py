"""The jobs of a run, told from what they leave in the results folder: no scheduler is asked, so any node may look."""

import dataclasses
import json
import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from throng.errors import ThrongError
from throng.progress import Heard, heard

State = Literal["done", "running", "silent", "failed"]
SILENT_SECONDS = 120.0
TAIL_BYTES = 64_000
FINISHED = re.compile(r" finished in ([\d.]+) s(?:$|:)", re.MULTILINE)
ERROR = re.compile(r"^\S+ \S+ (?:ERROR|CRITICAL) [\w.]+: (.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Job:
    """A job that has begun: its stage, what tells it from others of its stage, state, and how far it is."""

    stage: str
    wildcards: Mapping[str, str]
    begun: float
    state: State
    log: Path
    progress: Heard | None
    seconds: float | None
    silent_for: float
    error: str

    @property
    def name(self) -> str:
        """What tells the job from others of its stage, in a word or two; empty when there is no other."""
        return " ".join(self.wildcards.values())

    @property
    def command(self) -> str:
        """The command that does the job again, outside Snakemake and Slurm."""
        return shlex.join(["python", f"workflow/scripts/{self.stage}.py", "--job", f"{self.log}.job.json"])


def jobs_of(results: Path, now: float | None = None) -> list[Job]:
    """Return every job that has begun, in the order of their stages; ``now`` is in seconds since the epoch.

    A job is done when all its outputs are newer than its job file, failed when its log ends in an error, silent when
    its log has said nothing for two minutes: killed, or busy with something that tells nothing.
    Raises ThrongError when the folder holds no logs.
    """
    logs = results / "logs"
    if not logs.is_dir():
        raise ThrongError(f"{results}: holds no logs, so no run has begun there; name the folder of config key results")
    found = [_job(path, time.time() if now is None else now) for path in sorted(logs.rglob("*.job.json"))]
    jobs = [job for job in found if job]
    first = {stage: min(job.begun for job in jobs if job.stage == stage) for stage in {job.stage for job in jobs}}
    return sorted(jobs, key=lambda job: (first[job.stage], job.stage, job.name))


def _job(path: Path, now: float) -> Job | None:
    try:
        job = json.loads(path.read_text())
        begun = path.stat().st_mtime
        stage, wildcards = str(job["stage"]), {str(name): str(value) for name, value in job["wildcards"].items()}
        outputs = [Path(output) for named in job["outputs"].values() for output in named]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # being written this moment, or no job file
    log = path.with_name(path.name.removesuffix(".job.json"))
    text, spoken = _tail(log, begun)
    made = all(_newer(output, begun) for output in outputs)
    errors = ERROR.findall(text)
    silent_for = max(0.0, now - spoken)
    state: State = "done" if made else "failed" if errors else "silent" if silent_for > SILENT_SECONDS else "running"
    told = [line for line in map(heard, text.splitlines()) if line]
    finished = FINISHED.findall(text)
    return Job(
        stage,
        wildcards,
        begun,
        state,
        log,
        told[-1] if told else None,
        float(finished[-1]) if finished else None,
        silent_for,
        errors[-1] if errors and not made else "",
    )


def _tail(log: Path, begun: float) -> tuple[str, float]:
    """Return the end of a log and when it was last written; nothing when it is older than its job."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().decode(errors="replace"), max(begun, log.stat().st_mtime)
    except OSError:
        return "", begun


def _newer(output: Path, begun: float) -> bool:
    # a file system's clock may be coarser than that of the node that wrote the job file
    try:
        return output.stat().st_mtime >= begun - 2.0
    except (OSError, ValueError):
        return False
