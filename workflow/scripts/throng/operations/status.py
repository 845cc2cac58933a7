"""How far a run is, stage by stage, with the time that its stages and the whole of it still need."""

import dataclasses
from collections.abc import Iterable, Sequence

from throng.operations.jobs import Job, chunks_of


@dataclasses.dataclass(frozen=True)
class StageStatus:
    """One stage: jobs known of it by state, and seconds until those that run, and those yet to begin, are done."""

    stage: str
    known: int
    done: int
    running: int
    silent: int
    retry: int
    failed: int
    seconds_left: float | None

    @property
    def waiting(self) -> int:
        """Jobs that have not begun: those of the plan, or without one as far as the names of the others tell."""
        return self.known - self.done - self.running - self.silent - self.retry - self.failed


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """The whole run: its jobs, those done, seconds left at the present pace, and stages whose time nobody knows."""

    known: int
    done: int
    seconds_left: float | None
    at_once: int
    unknown: list[str]


def stages_of(jobs: Sequence[Job]) -> list[StageStatus]:
    """Return the status of every stage, in the order of the jobs."""
    grouped: dict[str, list[Job]] = {}
    for job in jobs:
        grouped.setdefault(job.stage, []).append(job)
    at_once = sum(job.state == "running" for job in jobs)
    return [_status(stage, mine, at_once) for stage, mine in grouped.items()]


def run_of(jobs: Sequence[Job]) -> RunStatus:
    """Return how far all is; the seconds count the work that is left, done by as many jobs as run now."""
    usual = _usual(jobs)
    work, longest, unknown = 0.0, 0.0, []
    open_jobs = [job for job in jobs if job.state in ("waiting", "retry", "running", "silent")]
    for job in open_jobs:
        left = _left(job, usual.get(job.stage))
        if left is None:
            unknown.append(job.stage)
            continue
        work, longest = work + left, max(longest, left)
    running = sum(job.state == "running" for job in jobs)
    stages = list(dict.fromkeys(unknown))
    known_all = bool(work) or not open_jobs
    done = sum(job.state == "done" for job in jobs)
    at_once = max(1, running)
    return RunStatus(len(jobs), done, max(longest, work / at_once) if known_all else None, at_once, stages)


def _usual(jobs: Iterable[Job]) -> dict[str, float]:
    """Return the seconds that a job of each stage takes: of this run, where one is done, else of the run before."""
    taken: dict[str, list[float]] = {}
    before: dict[str, list[float]] = {}
    for job in jobs:
        if job.seconds:
            taken.setdefault(job.stage, []).append(job.seconds)
        elif job.usual:
            before.setdefault(job.stage, []).append(job.usual)
    return {stage: sum(each) / len(each) for stage, each in (before | taken).items()}


def _left(job: Job, usual: float | None) -> float | None:
    if job.state in ("running", "silent"):
        if job.progress:
            return job.progress.left
        return None if usual is None else usual / 2  # it may have just begun, or be about to end
    return job.usual or usual


def _status(stage: str, jobs: Sequence[Job], at_once: int) -> StageStatus:
    states = [job.state for job in jobs]
    known = _known(jobs)
    running = [job for job in jobs if job.state == "running"]
    usual = _usual(jobs).get(stage)
    waiting = known - len(jobs) + states.count("waiting") + states.count("retry")
    told = [_left(job, usual) for job in running]
    left: float | None = None
    if None not in told and (not waiting or usual):
        rounds = -(-waiting // (len(running) or min(waiting, at_once) or 1))
        left = max((seconds for seconds in told if seconds is not None), default=0.0) + rounds * (usual or 0.0)
    return StageStatus(
        stage,
        known,
        states.count("done"),
        len(running),
        states.count("silent"),
        states.count("retry"),
        states.count("failed"),
        left if running or waiting else 0.0 if states.count("done") == known else None,
    )


def _known(jobs: Iterable[Job]) -> int:
    """Return how many jobs a stage has: a part's name says of how many it is one, other names are counted."""
    groups: dict[tuple[str, ...], int] = {}
    for job in jobs:
        of = chunks_of(job)
        key = tuple(value for name, value in sorted(job.wildcards.items()) if name != "part" or not of)
        groups[key] = max(groups.get(key, 0), int(of) if of else 1)
    return sum(groups.values())
