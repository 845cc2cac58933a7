"""The command that puts photographs in the order of their crowds by a trained ranker."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from throng.errors import ThrongError
from throng.files import write_text

if TYPE_CHECKING:
    from throng.counting.photographs import Picture
    from throng.ranking.network import Ranker

console = Console(soft_wrap=True, highlight=False)
beside = Console(stderr=True, soft_wrap=True, highlight=False)


def rank(
    paths: Annotated[list[Path], typer.Argument(help="images, folders of images (and below), videos")],
    model: Annotated[Path, typer.Option("--model", "--weights", help="a ranker.safetensors, or a folder with one")],
    every: Annotated[int, typer.Option(min=1, help="of a video, rank every so many-th frame")] = 25,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="write rank, path, score")] = None,
) -> None:
    """Sort photographs and video frames by a trained ranker, those that show most people first.

    Scores order pictures; they are no numbers of people. What cannot be read is listed with its reason, the rest is
    sorted, and the exit status is 1.
    """
    from throng.counting.photographs import find, number_of_pictures, pictures
    from throng.ranking.network import load_ranker

    ranker = load_ranker(model / "ranker.safetensors" if model.is_dir() else model)
    files = find(paths)
    total = sum(number_of_pictures(file, every) for file in files)
    looked_at = (picture for file in files for picture in pictures(file, every))
    quiet = total < 2 or not beside.is_terminal
    scores: dict[str, float] = {}
    failed: dict[str, str] = {}
    for picture in track(looked_at, "ranking", total, console=beside, transient=True, disable=quiet):
        try:
            scores[picture.name] = _score(ranker, picture)
        except ThrongError as error:
            failed[picture.name] = str(error)
    order = sorted(scores, key=lambda name: (-scores[name], name))
    for place, name in enumerate(order, 1):
        console.print(f"{place}. {name}: {scores[name]:.4f}", markup=False)
    for name, reason in failed.items():
        console.print(f"{name}: not ranked: {reason}", markup=False)
    if csv_file:
        _write_csv(csv_file, [(place, name, f"{scores[name]:.6f}") for place, name in enumerate(order, 1)])
    if failed:
        console.print(f"{len(scores)} ranked, {len(failed)} failed")
        raise typer.Exit(1)


def _score(ranker: "Ranker", picture: "Picture") -> float:
    from throng.images import decode

    if picture.problem:
        raise ThrongError(picture.problem)
    return ranker.score(decode(picture.data or b"") if picture.frame is None else picture.frame)


def _write_csv(path: Path, rows: list[tuple[int, str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("rank", "path", "score"))
    writer.writerows(rows)
    write_text(path, text.getvalue())
