"""``throng rebuild``: the pixels that a release may not hold, from the user's own copy of its sources."""

import logging
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

Release = Annotated[Path, typer.Argument(help="folder of a release with recipes", exists=True, file_okay=False)]
Sources = Annotated[
    list[str],
    typer.Option(
        "--source", help="your copy of a source, a folder or .zip: DIR, or NAME=DIR; once for each", metavar="DIR"
    ),
]
Models = Annotated[
    list[Path],
    typer.Option("--model", help="a model file or folder that the release pins by sha256; once for each", exists=True),
]
Out = Annotated[Path | None, typer.Option(help="folder to write; default: the release's, with -rebuilt behind it")]
Jobs = Annotated[int | None, typer.Option(min=1, help="photographs at a time; default: as many as there are cores")]
Device = Annotated[str, typer.Option(help="torch device of models; pixels are identical on the kind that made them")]


def rebuild(
    release: Release,
    source: Sources = [],  # noqa: B006 (typer copies it)
    model: Models = [],  # noqa: B006 (typer copies it)
    out: Out = None,
    jobs: Jobs = None,
    device: Device = "cpu",
) -> None:
    """Make the pixels of a release's recipes again; exits with 1 unless all are identical.

    Writes a release that holds them and may not be passed on; OUT.faults.tsv says of every other sample why not.
    """
    from throng.release.rebuild.outcome import write_faults
    from throng.release.rebuild.rebuilding import rebuild as rebuild_release

    logging.basicConfig(level="INFO", format="%(message)s")
    target = out or release.with_name(f"{release.resolve().name}-rebuilt")
    threads = jobs or len(os.sched_getaffinity(0))
    outcome = rebuild_release(release, source, model, target, threads=threads, device=device)
    console = Console(soft_wrap=True)
    grid = Grid("product", "recipes", "identical", "not", "why")
    for product, done in outcome.rebuilt.items():
        not_done = len(outcome.faults[product])
        if done or not_done:
            why = ", ".join(f"{number} {kind}" for kind, number in outcome.kinds(product).items())
            grid.add_row(product, str(done + not_done), str(done), str(not_done), why)
    console.print(grid)
    listed = write_faults(outcome, target.with_name(f"{target.name}.faults.tsv"))
    if any(outcome.rebuilt.values()):
        console.print(f"{target}: holds them; by the terms of their sources it may not be passed on")
    if listed is not None:
        console.print(f"{listed}: says of every other sample what is wrong; the first: {outcome.first_fault}")
        raise typer.Exit(1)
