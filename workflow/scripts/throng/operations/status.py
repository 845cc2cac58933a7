"""How far a run is, stage by stage, with the time that its stages still need."""

import dataclasses
import re
from collections.abc import Iterable, Sequence

from throng.operations.jobs import Job

PART = re.compile(r"part-\d{3,}-of-(\d{3,})")


@dataclasses.dataclass(frozen=True)
class StageStatus:
    """One stage: jobs known of it by state, and seconds until those that run, and those yet to begin, are done."""

    stage: str
    known: int
    done: int
    running: int
    silent: int
    failed: int
    seconds_left: float | None

    @property
    def waiting(self) -> int:
        """Jobs that have not begun, as far as the names of the others tell."""
        return self.known - self.done - self.running - self.silent - self.failed


def stages_of(jobs: Sequence[Job]) -> list[StageStatus]:
    """Return the status of every stage that has begun, in the order of the jobs."""
    stages = list(dict.fromkeys(job.stage for job in jobs))
    return [_status(stage, [job for job in jobs if job.stage == stage]) for stage in stages]


def _status(stage: str, jobs: Sequence[Job]) -> StageStatus:
    states = [job.state for job in jobs]
    known = _known(jobs)
    running = [job for job in jobs if job.state == "running"]
    waiting = known - len(jobs)
    told = [job.progress.left for job in running if job.progress]
    usual = [job.seconds for job in jobs if job.seconds]
    left: float | None = None
    if len(told) == len(running) and (not waiting or usual):
        at_once = max(1, len(running))
        rounds = -(-waiting // at_once)
        left = max(told, default=0.0) + rounds * (sum(usual) / len(usual) if waiting else 0.0)
    return StageStatus(
        stage,
        known,
        states.count("done"),
        len(running),
        states.count("silent"),
        states.count("failed"),
        left if running or waiting else 0.0 if states.count("done") == known else None,
    )


def _known(jobs: Iterable[Job]) -> int:
    """Return how many jobs a stage has: a part's name says of how many it is one, other names are counted."""
    groups: dict[tuple[str, ...], int] = {}
    for job in jobs:
        part = PART.fullmatch(job.wildcards.get("part", ""))
        key = tuple(value for name, value in sorted(job.wildcards.items()) if name != "part")
        groups[key] = max(groups.get(key, 0), int(part[1]) if part else 1)
    return sum(groups.values())
