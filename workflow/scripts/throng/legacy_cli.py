"""The commands that write and read the layouts of SYRAC and AFreeCA."""

import enum
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(soft_wrap=True)


class Layout(enum.StrEnum):
    """Whose trainer is to read the export."""

    SYRAC = "syrac"
    AFREECA = "afreeca"


def export_legacy(
    results: Annotated[Path, typer.Argument(help="results folder of a run", exists=True, file_okay=False)],
    layout: Annotated[Layout, typer.Option(help="syrac: ranked pairs and counts; afreeca: triples")],
    to: Annotated[Path, typer.Option(help="folder for the data sets, the trainers' data_dir")],
    name: Annotated[str, typer.Option(help="first part of the data sets' folder names")] = "throng",
    root: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER: where a source's files are, if not where the run had them")
    ] = None,
) -> None:
    """Copy a run's pairs and counts into the layout of SYRAC or AFreeCA, for your own use.

    Photographs are copied as they are: whatever their terms forbid to pass on, the export must not be passed on either.
    """
    from throng.errors import ThrongError
    from throng.legacy_export import export, roots_of

    if not name or "/" in name or name.startswith("."):
        raise ThrongError(f"--name {name!r}: expected the first part of a folder's name, such as throng")
    for folder, figures in export(results, layout.value, to, name, roots_of(results, root or [])).items():
        console.print(f"{to / folder}: {_spelled(figures)}")
    console.print("a copy for your own use: it holds photographs whose terms may forbid passing them on")


def import_legacy(
    file: Annotated[
        Path, typer.Argument(help="annotations.json or sort.annotations.json", exists=True, dir_okay=False)
    ],
    data_dir: Annotated[Path, typer.Option(help="what the image paths are put behind", exists=True, file_okay=False)],
    to: Annotated[Path, typer.Option(help="folder for images.parquet and ranked_pairs.parquet", file_okay=False)],
    source: Annotated[str, typer.Option(help="name of the source in the tables")] = "legacy",
    licence: Annotated[str, typer.Option(help="licence of the images, SPDX id or a few words")] = "unknown",
) -> None:
    """Read ranked pairs, triples or counts in a legacy layout into throng's tables."""
    from pydantic import ValidationError

    from throng import __version__
    from throng.errors import ThrongError
    from throng.files import sha256_file
    from throng.legacy_import import import_counts, import_ranking
    from throng.manifest import tally, write_table
    from throng.provenance import Provenance
    from throng.ranking.legacy import has_counts
    from throng.sections.ingest import Folder
    from throng.tables import images, ranked_pairs

    try:
        folder = Folder(name=source, root=str(data_dir), format="folder", licence=licence)
    except ValidationError as error:
        raise ThrongError(f"--source {source!r}: expected lower-case letters, digits, - and _") from error
    settings = {"source": source, "licence": licence}
    made = Provenance("import-legacy", settings, __version__, 0, {file.name: sha256_file(file)})
    if has_counts(file):
        rows = import_counts(file, data_dir, folder)
        write_table(to / "images.parquet", images.TABLE, rows, made)
        console.print(f"{to / 'images.parquet'}: {_spelled(tally(rows))}")
        return
    found = import_ranking(file, data_dir, folder)
    write_table(to / "images.parquet", images.TABLE, found.images, made)
    write_table(to / "ranked_pairs.parquet", ranked_pairs.TABLE, found.pairs, made)
    kinds = Counter(f"{pair.split} {pair.kind}" for pair in found.pairs)
    left_out = {f"left out, {why}": number for why, number in found.left_out.items()}
    console.print(f"{to / 'images.parquet'}: {_spelled(tally(found.images))}")
    console.print(f"{to / 'ranked_pairs.parquet'}: {_spelled(dict(sorted(kinds.items())) | left_out)}")


def _spelled(figures: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in figures.items()) or "nothing"
