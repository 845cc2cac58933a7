"""The command ``throng publish``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(soft_wrap=True)
SHOWN = 10


def publish(
    release: Annotated[Path, typer.Argument(help="folder of a release", exists=True, file_okay=False)],
    target: Annotated[
        str, typer.Argument(help="a folder, s3://bucket/folder or another fsspec URL, or hf://datasets/owner/name")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="do it; without, only say what would be done")] = False,
    private: Annotated[bool, typer.Option("--private", help="make a new repository of the hub private")] = False,
    jobs: Annotated[int, typer.Option(help="files sent to a store at a time", min=1)] = 4,
) -> None:
    """Publish a release, so that nobody ever sees half of it, and verify what arrived; says what it would do first.

    An interrupted command goes on where it was when it is repeated.
    """
    from rich.filesize import decimal
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from throng.publishing.parcel import Entry, parcel_of
    from throng.publishing.publish import target_of

    parcel, place = parcel_of(release), target_of(target, private=private, jobs=jobs)
    plan = place.survey(parcel)
    console.print(
        f"{parcel.name} {parcel.version} to {target}: {len(parcel.files)} files, {decimal(parcel.bytes)}; "
        f"{len(plan.send)} to send ({decimal(sum(entry.bytes for entry in plan.send))}), {len(plan.there)} are there, "
        f"{len(plan.delete)} to delete"
    )
    for note in plan.notes:
        console.print(note)
    changes = [f"  send    {entry.path}" for entry in plan.send] + [f"  delete  {path}" for path in plan.delete]
    for line in changes[:SHOWN]:
        console.print(line)
    if len(changes) > SHOWN:
        console.print(f"  and {len(changes) - SHOWN} more")
    if not yes:
        console.print("nothing was done; repeat with --yes to publish")
        return
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("verified", total=parcel.bytes)

        def done(entry: Entry) -> None:
            progress.advance(task, entry.bytes)

        where = place.publish(parcel, done)
    console.print(f"published and verified: {len(parcel.files)} files at {where}")
