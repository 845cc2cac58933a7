"""The commands around a generator: pictures, films, sweeps of the density, spectra, projections, curves of its loss."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from throng.errors import ThrongError
from throng.gan.tools.choices import Counting

gan = typer.Typer(no_args_is_help=True, help="Generators that heed a density: draw, sweep, project, compare, plot.")
console = Console(soft_wrap=True, highlight=False)


@gan.command()
def plot_loss(
    runs: Annotated[
        list[Path],
        typer.Argument(help="folders or stats.jsonl / history.jsonl files of one training and its resumes, in order"),
    ],
    out: Annotated[list[Path], typer.Option(help="file to write: .png, .svg or .csv; may be given several times")],
    skip: Annotated[int, typer.Option(min=0, help="lines left out after each resume")] = 20,
    smooth: Annotated[float, typer.Option(min=0, help="half-life of the moving average, kimg; 0: none")] = 0.0,
    counting: Annotated[
        Counting, typer.Option(help="whether a resumed run counts on or from 0 again; auto: as its first line tells")
    ] = Counting.AUTO,
) -> None:
    """Draw the losses, distances and augmentation of a training over thousands of images, resumes joined.

    Reads throng's logs and StyleGAN3's. What was decided at each joint is printed.
    """
    from throng.files import sha256_file
    from throng.gan.tools.loss_curves import D_LOSS, G_LOSS, chain
    from throng.gan.tools.loss_figure import SUFFIXES, write_curves
    from throng.gan.tools.loss_log import log_files, read_log

    if wrong := [path for path in out if path.suffix.lower() not in SUFFIXES]:
        raise ThrongError(f"{wrong[0]}: curves are written as {', '.join(SUFFIXES)}; name such a file")
    files = [file for run in runs for file in log_files(run)]
    logs = [read_log(file, (G_LOSS, D_LOSS)) for file in files]
    for log in logs:
        if log.cut_short:
            console.print(f"{log.name}: the last line is cut in half and left out", markup=False)
    chained = chain(logs, skip=skip, counting=counting)
    for joint in chained.joints:
        console.print(joint, markup=False)
    record = {
        "tool": "throng gan plot-loss",
        "logs": [sha256_file(file) for file in files],
        "skip": skip,
        "smooth": smooth,
        "counting": counting.value,
    }
    for path in out:
        write_curves(path, chained, smooth, record)
    loss = chained.curves[G_LOSS]
    console.print(f"{len(files)} logs, {len(loss.kimg)} points to {loss.kimg.max():g} kimg: {', '.join(map(str, out))}")
