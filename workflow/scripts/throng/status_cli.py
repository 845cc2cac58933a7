"""``throng status``: how far a run is, told from its results folder."""

import dataclasses
import json
import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from throng.jobs_cli import wide_console
from throng.operations.duration import duration
from throng.operations.jobs import Job, Looker, Seen
from throng.operations.status import RunStatus, run_of, stages_of

Results = Annotated[Path, typer.Argument(help="folder of the results, config key `results`")]
Watch = Annotated[float, typer.Option(help="look again every so many seconds, until stopped; 0: once", min=0)]
Everything = Annotated[bool, typer.Option("--all", help="also jobs that the latest run had nothing to do with")]
AsJson = Annotated[bool, typer.Option("--json", help="print what was seen as JSON, once")]
LISTED = 20


def status(
    results: Results = Path("results"), watch: Watch = 0.0, everything: Everything = False, as_json: AsJson = False
) -> None:
    """Show how far every stage of the latest run is, what runs now, and what failed with the command to do it again.

    Looks at logs, what jobs say they cost, and the run's plan alone, so it works from any node that sees the folder,
    while jobs run or afterwards. Exits with 1 when a job has failed for good, with 0 otherwise.
    """
    console = wide_console()
    looker = Looker(results, everything=everything)
    seen = looker.look()
    if as_json:
        typer.echo(json.dumps(_record(seen), indent=1))
    elif not watch:
        console.print(_shown(seen))
    else:
        with Live(_shown(seen), console=console, auto_refresh=False) as live:
            while seen.alive or seen.plan is None:
                time.sleep(watch)
                seen = looker.look()
                live.update(_shown(seen), refresh=True)
    raise typer.Exit(int(any(job.state == "failed" for job in seen.jobs)))


def _record(seen: Seen) -> dict[str, object]:
    run = {} if seen.plan is None else {k: v for k, v in dataclasses.asdict(seen.plan).items() if k != "jobs"}
    return {
        "run": run | {"alive": seen.alive},
        "total": dataclasses.asdict(run_of(seen.jobs)),
        "stages": [dataclasses.asdict(stage) | {"waiting": stage.waiting} for stage in stages_of(seen.jobs)],
        "jobs": [_told(job) for job in seen.jobs],
        "other_jobs": seen.others,
    }


def _told(job: Job) -> dict[str, object]:
    plain = dataclasses.asdict(job)
    return plain | {"log": str(job.log), "command": job.command if job.state == "failed" else None}


def _shown(seen: Seen) -> Group:
    stages = stages_of(seen.jobs)
    counts = {
        "jobs": [stage.known for stage in stages],
        "done": [stage.done for stage in stages],
        "running": [stage.running for stage in stages],
        "silent": [stage.silent for stage in stages],
        "retry": [stage.retry for stage in stages],
        "failed": [stage.failed for stage in stages],
        "waiting": [stage.waiting for stage in stages],
    }
    counts = {name: numbers for name, numbers in counts.items() if any(numbers)}
    grid = Grid()
    grid.add_column("stage", no_wrap=True)
    for heading in (*counts, "still needs"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for row, stage in enumerate(stages):
        numbers = (str(column[row] or "") for column in counts.values())
        grid.add_row(stage.stage, *numbers, duration(stage.seconds_left))
    lines = [_line(job) for job in seen.jobs if job.state not in ("done", "waiting")]
    more = [Text(f"and {len(lines) - LISTED} more: --json lists them")] if len(lines) > LISTED else []
    lines.sort(key=lambda line: line.style != "red")
    return Group(*_run(seen), grid, *lines[:LISTED], *more)


def _run(seen: Seen) -> list[Text]:
    if seen.plan is None:
        return []
    plan, total = seen.plan, run_of(seen.jobs)
    since = (
        f"begun {time.strftime('%Y-%m-%d %H:%M', time.localtime(plan.began))} on {plan.host}, process {plan.process}"
    )
    if seen.alive:
        how = f"at work; {_needs(total)}"
    elif plan.ended is None:
        how = "Snakemake has died, or its node; jobs that it sent may still run"
    else:
        how = ("ended well" if plan.well else "failed") + f" after {duration(plan.ended - plan.began)}"
    lines = [Text(f"run {since}: {how}; {total.done} of {total.known} jobs done")]
    if plan.logs:
        lines.append(Text(f"Snakemake's log {os.path.relpath(plan.logs[0])}"))
    if not seen.alive and not plan.well:
        lines.append(Text(f"to go on: {shlex.join(plan.command)}"))
    if seen.others:
        lines.append(
            Text(f"{seen.others} jobs of earlier runs, which this one has nothing to do with: --all shows them")
        )
    return lines


def _needs(total: RunStatus) -> str:
    about = f"still needs about {duration(total.seconds_left)} at {total.at_once} jobs at once"
    if not total.unknown:
        return about
    few = len(total.unknown) <= 3
    unknown = ", ".join(total.unknown) if few else f"{len(total.unknown)} stages"
    return f"{about}, without {unknown}, whose time nobody knows yet"


def _line(job: Job) -> Text:
    name = f"{job.stage} {job.name}".strip() + (f" (attempt {job.attempt})" if job.attempt > 1 else "")
    if job.state == "failed":
        return Text(f"failed: {name}: {job.error}\n  log {job.log}\n  again: {job.command}", style="red")
    if job.state == "retry":
        return Text(f"failed, to be sent again: {name}: {job.error}", "yellow")
    far = job.progress
    told = f"{far.done:g} of {far.total:g}, {far.rate:.3g}/s, {duration(far.left)} left" if far else "begun"
    where = f" on {job.host}" if job.host else ""
    if job.state == "silent":
        return Text(f"silent for {duration(job.silent_for)}: {name}{where}: {told}; log {job.log}", "yellow")
    return Text(f"running: {name}{where}: {told}")
