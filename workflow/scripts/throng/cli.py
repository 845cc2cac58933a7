"""The command line: look into tables, compare them, count people, rank pictures, verify a release, convert."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Grid

from throng.convert_cli import convert_dataset
from throng.count_cli import count, export_counter, measure
from throng.errors import ThrongError
from throng.gan_cli import gan
from throng.jobs_cli import jobs, log
from throng.legacy_cli import export_legacy, import_legacy
from throng.plan_cli import plan
from throng.publish_cli import publish
from throng.rank_cli import rank
from throng.rebuild_cli import rebuild
from throng.release_cli import release
from throng.status_cli import status
from throng.verify_cli import verify

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="throng: make crowd-counting data, look at it, check it."
)
app.command()(convert_dataset)
app.command()(count)
app.command()(export_counter)
app.command()(export_legacy)
app.command()(import_legacy)
app.command()(jobs)
app.command()(log)
app.command()(measure)
app.command()(plan)
app.command()(publish)
app.command()(rank)
app.command()(rebuild)
app.command()(status)
app.command()(verify)
app.add_typer(gan, name="gan")
app.add_typer(release, name="release")
console = Console(soft_wrap=True)
TableFile = Annotated[Path, typer.Argument(help="a Parquet table of the workflow", exists=True, dir_okay=False)]


@app.command()
def inspect(table: TableFile, rows: Annotated[int, typer.Option(help="rows to show")] = 5) -> None:
    """Show what made a table, its columns with their meaning, and its first rows."""
    import pyarrow.parquet as pq

    from throng.manifest import read_footer

    console.print_json(json.dumps(read_footer(table)))
    data = pq.read_table(table)
    grid = Grid("column", "type", "meaning")
    for field in pq.read_schema(table):
        meaning = (field.metadata or {}).get(b"description", b"").decode()
        grid.add_row(field.name, str(field.type), meaning)
    console.print(grid)
    console.print(f"{data.num_rows} rows; the first {min(rows, data.num_rows)}:")
    for record in data.slice(0, rows).to_pylist():
        console.print(record)


@app.command()
def diff(before: TableFile, after: TableFile) -> None:
    """Say why two tables differ: configuration keys, code, parents, rows. Exits with 1 when they do."""
    from throng.difference import diff_tables

    found = diff_tables(before, after)
    if not found:
        console.print("equal: same provenance, same rows")
        return
    grid = Grid("what", str(before), str(after))
    for difference in found:
        grid.add_row(difference.where, difference.before, difference.after)
    console.print(grid)
    raise typer.Exit(1)


def main() -> None:
    """Run the command line; an error meant for the user is one sentence, not a traceback."""
    try:
        app()
    except ThrongError as error:
        raise SystemExit(f"throng: {error}") from error
