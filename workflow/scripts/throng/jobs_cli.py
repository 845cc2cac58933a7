"""``throng jobs``: what every job cost, by stage or one by one; ``throng log``: what a job said."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid

from throng.errors import ThrongError
from throng.files import atomic_path, write_text
from throng.operations.costs import Row, costs_of, table_of, totals
from throng.operations.duration import duration
from throng.operations.jobs import Job, Looker

Results = Annotated[Path, typer.Argument(help="folder of the results, config key `results`")]
Stage = Annotated[str, typer.Option(help="only this stage")]
Each = Annotated[bool, typer.Option("--each", help="a line for every attempt instead of one for every stage")]
File = Annotated[Path | None, typer.Option(help="write every attempt's row to this file", dir_okay=False)]
Words = Annotated[list[str], typer.Argument(help="stage, and what tells the job from others: remove part-003-of-016")]
Folder = Annotated[Path, typer.Option(help="folder of the results, config key `results`")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="print what is added, until the job has ended")]


def jobs(
    results: Results = Path("results"),
    stage: Stage = "",
    each: Each = False,
    csv: File = None,
    parquet: File = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="likewise, as JSON", dir_okay=False)] = None,
) -> None:
    """Show what jobs cost: time, load, memory, rows, bytes and GPUs, with sums for every stage.

    Reads what jobs write beside their logs while they run and at their end, so it works at any time from any node.
    """
    rows = [row for row in costs_of(results) if stage in ("", row["stage"])]
    if not rows:
        what = f"a job of stage {stage!r}" if stage else "a job"
        raise ThrongError(f"{results}: no record of {what} there; a job writes one when it begins")
    if csv:
        from pyarrow.csv import write_csv

        _write(csv, lambda path: write_csv(table_of(rows), path))
    if parquet:
        import pyarrow.parquet as pq

        _write(parquet, lambda path: pq.write_table(table_of(rows), path))
    if json_file:
        write_text(json_file, json.dumps({"jobs": rows, "stages": totals(rows)}, indent=1) + "\n")
    if not (csv or parquet or json_file):
        wide_console().print(_grid(EACH, rows) if each else _grid(STAGES, totals(rows)))


def wide_console() -> Console:
    """Return a console that cuts no column of a table off where the output is no terminal but a file or a pipe."""
    console = Console(soft_wrap=True)
    return console if console.is_terminal else Console(soft_wrap=True, width=max(console.width, 250))


def _write(target: Path, write: Callable[[Path], None]) -> None:
    with atomic_path(target) as temporary:
        write(temporary)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _size(value: float | None) -> str:
    return "" if value is None else f"{value / 1e9:.2f} GB" if value >= 1e8 else f"{value / 1e6:.1f} MB"


def _text(value: object) -> str:
    return "" if value is None else str(value)


MEASURES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "wall_seconds": ("wall", duration),
    "cpu_seconds": ("CPU", duration),
    "mean_load": ("load", _number),
    "memory_peak_bytes": ("memory", _size),
    "rows_in": ("rows in", _number),
    "rows_kept": ("kept", _number),
    "rows_rejected": ("rejected", _number),
    "rows_resumed": ("resumed", _number),
    "images_per_second": ("images/s", _number),
    "bytes_read": ("read", _size),
    "bytes_written": ("written", _size),
    "models_loaded": ("models", _number),
    "gpu_utilisation_mean": ("GPU %", _number),
    "gpu_energy_joules": ("GPU J", _number),
}
STAGES = {"stage": ("stage", _text), "jobs": ("jobs", _number), "attempts": ("attempts", _number)} | dict(MEASURES)
STAGES |= {"longest_seconds": ("longest", duration)}
EACH = {name: (name, _text) for name in ("stage", "wildcards", "attempt", "state", "host")} | dict(MEASURES)


def _grid(columns: Mapping[str, tuple[str, Callable[[Any], str]]], rows: Sequence[Row]) -> Grid:
    """Lay rows out, without columns in which nothing stands."""
    shown = {name: how for name, how in columns.items() if any(row[name] not in (None, 0, "") for row in rows)}
    grid = Grid()
    for heading, say in shown.values():
        grid.add_column(heading, justify="left" if say is _text else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*(say(row[name]) for name, (_, say) in shown.items()))
    return grid


def log(words: Words, results: Folder = Path("results"), follow: Follow = False) -> None:
    """Print a job's log; with ``--follow`` go on with what is added to it, until the job has ended.

    Words name the job as ``throng status`` does, or a part of that which no other job has.
    """
    looker = Looker(results, everything=True)
    job = _named(looker.look().jobs, words)
    if not job.log.is_file():
        raise ThrongError(f"{job.log}: {job.stage} {job.name} has not begun, or its log was deleted")
    with job.log.open(errors="replace") as file:
        typer.echo(file.read(), nl=False)
        while follow and _state(looker, job.log) in ("running", "silent"):
            time.sleep(1.0)
            typer.echo(file.read(), nl=False)


def _named(every: Sequence[Job], words: Sequence[str]) -> Job:
    stage, wanted = words[0], " ".join(words[1:])
    mine = [job for job in every if job.stage == stage]
    if not mine:
        raise ThrongError(f"no job of stage {stage!r} is known; stages: {', '.join(sorted({j.stage for j in every}))}")
    found = [job for job in mine if wanted == job.name] or [job for job in mine if wanted in job.name]
    if len(found) != 1:
        names = ", ".join(job.name for job in (found or mine)[:8])
        raise ThrongError(f"{len(found)} jobs of stage {stage} are named {wanted!r}; name one of {names}")
    return found[0]


def _state(looker: Looker, wanted: Path) -> str:
    return next((job.state for job in looker.look().jobs if job.log == wanted), "done")
