"""``throng release``: compare two releases, sign one."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from throng.sign_cli import credentials, sign

if TYPE_CHECKING:
    from throng.release.difference import Difference

SHOWN = 20
FATES = ("same", "added", "removed", "changed", "moved")
release = typer.Typer(no_args_is_help=True, help="compare releases of a dataset, sign one")
release.command()(credentials)
release.command()(sign)
console = Console(soft_wrap=True)
Folder = Annotated[Path, typer.Argument(help="folder of a release", exists=True, file_okay=False)]


@release.callback()
def _group() -> None:
    """Compare releases of a dataset, sign one."""


@release.command()
def diff(
    old: Folder,
    new: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="print the whole comparison as JSON")] = False,
) -> None:
    """Say what two releases differ in, and which version that calls for. Exits with 1 when they differ."""
    from throng.release.difference import Step, compare_releases
    from throng.release.rows import changed_columns

    found = compare_releases(old, new)
    columns = changed_columns(old, new, found.records)
    if as_json:
        console.print_json(
            json.dumps(dataclasses.asdict(found) | {"step": found.step.name.lower(), "columns": columns})
        )
    else:
        _show(found, columns)
    if found.step != Step.NONE:
        raise typer.Exit(1)


def _show(found: "Difference", columns: dict[str, dict[str, list[str]]]) -> None:
    from throng.release.versions import moved, parts, reason

    before, after = found.versions
    grid = Grid("product", *FATES)
    for changes in found.records:
        grid.add_row(changes.product, *(str(getattr(changes, fate)) for fate in FATES))
    console.print(grid)
    for changes in found.records:
        for fate, ids in changes.examples.items():
            console.print(f"{changes.product}, {fate}: {', '.join(ids)}{_more(getattr(changes, fate), len(ids))}")
        for row, told in columns.get(changes.product, {}).items():
            console.print(f"{changes.product}, record {row}:")
            for line in told:
                console.print(f"  {line}")
    for fate, paths in found.files.items():
        if paths:
            console.print(f"files {fate}: {', '.join(paths[:SHOWN])}{_more(len(paths), SHOWN)}")
    for where, a, b in found.settings[:SHOWN]:
        console.print(f"{where}: {_short(a)} -> {_short(b)}")
    if len(found.settings) > SHOWN:
        console.print(f"... and {len(found.settings) - SHOWN} more settings; --json prints all")
    least = moved(before, found.step)
    verdict = "is right" if parts(after) >= parts(least) else "is too low"
    console.print(f"{before} -> {after} {verdict}: {reason(found)}, so {least} or higher is due")


def _more(number: int, shown: int) -> str:
    return f" and {number - shown} more" if number > shown else ""


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
