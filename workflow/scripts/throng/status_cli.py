"""``throng status``: how far a run is, told from its results folder."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from throng.operations.duration import duration
from throng.operations.jobs import Job, jobs_of
from throng.operations.status import stages_of

Results = Annotated[Path, typer.Argument(help="folder of the results, config key `results`")]
Watch = Annotated[float, typer.Option(help="look again every so many seconds, until stopped; 0: once", min=0)]


def status(results: Results = Path("results"), watch: Watch = 0.0) -> None:
    """Show how far every stage is, what runs now, and what failed with the command that does it again.

    Looks at logs and outputs alone, so it works from any node that sees the folder, while jobs run or afterwards.
    Exits with 1 when a job has failed.
    """
    console = Console(soft_wrap=True)
    jobs = jobs_of(results)
    if not watch:
        console.print(_shown(jobs))
    else:
        with Live(_shown(jobs), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(watch)
                jobs = jobs_of(results)
                live.update(_shown(jobs), refresh=True)
    raise typer.Exit(int(any(job.state == "failed" for job in jobs)))


def _shown(jobs: list[Job]) -> Group:
    grid = Grid()
    grid.add_column("stage", no_wrap=True)
    for heading in ("jobs", "done", "running", "silent", "failed", "waiting", "still needs"):
        grid.add_column(heading, justify="right")
    for stage in stages_of(jobs):
        numbers = (stage.known, stage.done, stage.running, stage.silent, stage.failed, stage.waiting)
        grid.add_row(stage.stage, *(str(number) if number else "" for number in numbers), duration(stage.seconds_left))
    return Group(grid, *(_line(job) for job in jobs if job.state != "done"))


def _line(job: Job) -> Text:
    if job.state == "failed":
        return Text(f"failed: {job.stage} {job.name}: {job.error}\n  again: {job.command}", style="red")
    far = job.progress
    told = f"{far.done:g} of {far.total:g}, {far.rate:g}/s, {duration(far.left)} left" if far else "begun"
    if job.state == "silent":
        return Text(f"silent for {duration(job.silent_for)}: {job.stage} {job.name}: {told}; log {job.log}", "yellow")
    return Text(f"running: {job.stage} {job.name}: {told}")
