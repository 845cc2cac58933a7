"""The commands around a generator: pictures, films, sweeps of the density, spectra, projections, curves of its loss."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track

from throng.errors import ThrongError
from throng.files import write_text
from throng.gan.tools.choices import Counting, Features, Space

if TYPE_CHECKING:
    import numpy as np
    import torch

    from throng.gan.files import StoredGenerator
    from throng.gan.painter import Painter
    from throng.gan.requests import Request

gan = typer.Typer(no_args_is_help=True, help="Generators that heed a density: draw, sweep, project, compare, plot.")
console = Console(soft_wrap=True, highlight=False)
beside = Console(stderr=True, soft_wrap=True, highlight=False)
Item = TypeVar("Item")
CELLS = 4096

Model = Annotated[
    Path, typer.Argument(help="a generator.safetensors of train_gan, a snapshot, or the folder of a run with one")
]
Seeds = Annotated[str, typer.Option(help="which random numbers: 0-15, or 1,4,9-12")]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        "--classes",
        help="what is asked for: classes by name or number, scores, or vectors such as 0.1:2, commas between them; "
        "when left out every class, or three scores",
    ),
]
Truncation = Annotated[
    float, typer.Option(min=0.0, max=2.0, help="psi: 1 draws as trained, less keeps closer to the mean image")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:0, ...")]


@gan.command()
def images(
    model: Model,
    out: Annotated[Path, typer.Option(help="a .png: one sheet, labels by row and seeds by column; else a folder")],
    seeds: Seeds = "0-7",
    labels: Labels = None,
    truncation: Truncation = 1.0,
    translate: Annotated[tuple[float, float], typer.Option(help="shift by widths, right and down (StyleGAN3)")] = (
        0,
        0,
    ),
    rotate: Annotated[float, typer.Option(help="turn by degrees, counter-clockwise (StyleGAN3)")] = 0.0,
    device: Device = "cpu",
) -> None:
    """Draw images: of every label, the same scenes.

    Each file says in its text chunk ``throng`` which generator, seed and label it is of.
    """
    import numpy as np

    from throng.gan.tools.record import record_of, spelled, write_png
    from throng.gan.tools.seeds import parse_seeds
    from throng.gan.tools.sheets import sheet

    painter = _painter(model, device)
    wanted, asked = parse_seeds(seeds), _asked(painter.stored, labels)
    transform = _transform(painter, translate, rotate)
    pairs = [(request, seed) for request in asked for seed in wanted]
    said = {"truncation": truncation, "translate": list(translate), "rotate": rotate}
    if one_sheet := out.suffix.lower() == ".png":
        _check_cells(len(pairs))
    elif out.suffix:
        raise ThrongError(f"{out}: pictures are written as one .png or into a folder; name either")
    drawn: list[np.ndarray] = []
    for request, seed in _tracked(pairs, "drawing"):
        (image,) = painter.images([seed], [request], truncation=truncation, transform=transform)
        if one_sheet:
            drawn.append(image)
            continue
        name = "-".join(part for part in (request.name.replace("/", "_"), f"seed{seed:06d}") if part)
        record = record_of("images", painter.stored, seed=seed, labels=spelled([request]), **said)
        write_png(out / f"{name}.png", image, record)
    if one_sheet:
        grid = np.stack(drawn).reshape(len(asked), len(wanted), *drawn[0].shape)
        record = record_of("images", painter.stored, seeds=wanted, labels=spelled(asked), **said)
        write_png(out, sheet(grid, [request.name for request in asked], [str(seed) for seed in wanted]), record)
    console.print(f"{len(pairs)} images: {out}", markup=False)


@gan.command()
def video(
    model: Model,
    out: Annotated[Path, typer.Option(help="a .mp4, .avi or .gif, or a folder for PNG frames")],
    seeds: Seeds = "0-3",
    labels: Labels = None,
    grid: Annotated[str, typer.Option(help="films side by side, width x height, such as 3x2")] = "1x1",
    frames: Annotated[int, typer.Option(min=1, help="frames from one keyframe to the next")] = 60,
    fps: Annotated[float, typer.Option(min=1, max=240, help="frames per second")] = 60.0,
    truncation: Truncation = 1.0,
    device: Device = "cpu",
) -> None:
    """Film a walk through scenes: seeds are keyframes on a closed curve, and the label goes around those named.

    With one label the density stays; with several it changes once around while the scenes pass. A grid's films share
    the seeds out, as many keyframes to each.
    """
    import torch

    from throng.gan.tools.films import check_film, write_film
    from throng.gan.tools.interpolation import film_latents
    from throng.gan.tools.record import record_of, spelled
    from throng.gan.tools.seeds import parse_seeds

    check_film(out)
    wanted = parse_seeds(seeds)
    width, height = _grid(grid, len(wanted))
    painter = _painter(model, device)
    asked = _asked(painter.stored, labels)
    keys = len(wanted) // (width * height)
    total = keys * frames
    shares = [wanted[start : start + keys] for start in range(0, len(wanted), keys)]
    paths = torch.stack([film_latents(painter, share, asked, total, truncation) for share in shares])
    record = record_of(
        "video", painter.stored, seeds=wanted, labels=spelled(asked), truncation=truncation, grid=[width, height]
    )
    shown = (_tiles(painter.draw(paths[:, frame]), width) for frame in _tracked(range(total), "filming"))
    made = write_film(out, shown, fps, record)
    console.print(f"{made} frames, {made / fps:.1f} s: {out}", markup=False)


@gan.command()
def sweep(
    model: Model,
    out: Annotated[Path, typer.Option(help="the strip, a .png: a scene by row, its labels by column")],
    seeds: Seeds = "0-3",
    labels: Labels = None,
    steps: Annotated[int, typer.Option(min=2, help="scores when none is named: even steps of their quantiles")] = 7,
    film: Annotated[
        Path | None, typer.Option(help="also film it, there and back: .gif, .mp4, .avi, or a folder")
    ] = None,
    between: Annotated[int, typer.Option(min=1, help="frames of the film from one label to the next")] = 20,
    fps: Annotated[float, typer.Option(min=1, max=240, help="frames per second")] = 20.0,
    truncation: Truncation = 1.0,
    device: Device = "cpu",
) -> None:
    """Draw the same scene under every density."""
    import numpy as np
    import torch

    from throng.gan.requests import spread_scores
    from throng.gan.tools.films import check_film, write_film
    from throng.gan.tools.interpolation import sweep_latents
    from throng.gan.tools.record import record_of, spelled, write_png
    from throng.gan.tools.seeds import parse_seeds
    from throng.gan.tools.sheets import sheet

    if film:
        check_film(film)
    painter = _painter(model, device)
    wanted = parse_seeds(seeds)
    asked = (None if labels else spread_scores(painter.stored, steps)) or _asked(painter.stored, labels)
    if len(asked) < 2:
        raise ThrongError("a sweep needs two labels or more; this generator was asked for one: name others in --labels")
    _check_cells(len(wanted) * len(asked))
    ways = [sweep_latents(painter, seed, asked, between, truncation) for seed in wanted]
    rows = np.stack([painter.draw(keys) for keys, _ in _tracked(ways, "drawing")])
    record = record_of("sweep", painter.stored, seeds=wanted, labels=spelled(asked), truncation=truncation)
    write_png(out, sheet(rows, [str(seed) for seed in wanted], [request.name for request in asked]), record)
    if film:
        latents = torch.stack([way for _, way in ways])
        there = range(latents.shape[1])
        path = [*there, *reversed(there[1:-1])]
        shown = (_tiles(painter.draw(latents[:, frame]), len(wanted)) for frame in _tracked(path, "filming"))
        write_film(film, shown, fps, record)
    console.print(f"{len(wanted)} scenes under {len(asked)} labels: {out}{f', {film}' if film else ''}", markup=False)


@gan.command()
def spectra(
    model: Model,
    reals: Annotated[Path, typer.Option(help="a folder or zip of the training images, of the generator's resolution")],
    out: Annotated[Path, typer.Option(help="the figure, a .png")],
    csv_file: Annotated[Path | None, typer.Option("--csv", help="also write the slices")] = None,
    number: Annotated[int, typer.Option("--images", min=1, help="images of either kind, at most")] = 1000,
    labels: Labels = None,
    seed: Annotated[int, typer.Option(min=0, help="first of the seeds that are drawn")] = 0,
    truncation: Truncation = 1.0,
    device: Device = "cpu",
) -> None:
    """Compare the average power spectra of photographs and of drawn images: rings and grids give an upsampler away.

    Labels are spread as in training, or in turn as they are named.
    """
    from throng.files import write_bytes
    from throng.gan.requests import as_trained
    from throng.gan.tools.figures import saved
    from throng.gan.tools.pictures import RealImages
    from throng.gan.tools.record import record_of
    from throng.gan.tools.spectra import Moments, as_csv, draw, spectrum_of

    if out.suffix.lower() != ".png":
        raise ThrongError(f"{out}: the figure is written as .png; name such a file")
    painter = _painter(model, device)
    photographs = RealImages(reals, painter.resolution, number)
    moments = Moments()
    for photograph in photographs:
        moments.add(photograph)
    named = _asked(painter.stored, labels) if labels else None
    asked = [named[k % len(named)] for k in range(number)] if named else as_trained(painter.stored, number, seed)
    fakes = painter.images(range(seed, seed + number), asked, truncation=truncation)
    found = {
        "photographs": spectrum_of(_tracked(photographs, "photographs"), moments.mean, moments.deviation),
        "drawn": spectrum_of(_tracked(fakes, "drawing", number), moments.mean, moments.deviation),
    }
    record = record_of("spectra", painter.stored, seed=seed, images=number, truncation=truncation, labels=labels)
    write_bytes(out, saved(draw(found), "png", record))
    if csv_file:
        write_text(csv_file, as_csv(found))
    console.print(f"{len(photographs)} photographs, {number} drawn: {out}", markup=False)


@gan.command()
def project(
    model: Model,
    photograph: Annotated[Path, typer.Argument(help="the photograph; its largest centred square is looked for")],
    out: Annotated[
        Path, typer.Option(help="a .png: the photograph, what was found and, with --sweep, other densities")
    ],
    labels: Labels = None,
    to: Annotated[bool, typer.Option("--sweep", help="also draw what was found under every label")] = False,
    space: Annotated[
        Space, typer.Option(help="z: the random numbers; w: one style (StyleGAN3); w+: one each layer")
    ] = Space.Z,
    steps: Annotated[int, typer.Option(min=1, help="steps of the search")] = 500,
    rate: Annotated[float, typer.Option(min=1e-6, help="Adam's rate")] = 0.1,
    features: Annotated[Features, typer.Option(help="what compares images beside their pixels")] = Features.RANDOM,
    features_path: Annotated[
        Path | None, typer.Option(help="weights of the features, for all but random and none")
    ] = None,
    feature_weight: Annotated[float, typer.Option(min=0, help="weight of the features beside the pixels")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="seed of the search")] = 0,
    save: Annotated[Path | None, typer.Option(help="also write the latents, a .npy")] = None,
    device: Device = "cpu",
) -> None:
    """Find what draws a photograph, then ask for the same scene with another density.

    It is searched under each label that is named, all when left out, in whichever the search begins nearest.
    """
    import numpy as np

    from throng.gan.metrics.features import load_extractor
    from throng.gan.requests import every_label
    from throng.gan.tools.pictures import square_photograph
    from throng.gan.tools.projection import Options, Projector
    from throng.gan.tools.record import record_of, spelled, write_png
    from throng.gan.tools.sheets import sheet

    painter = _painter(model, device)
    target = square_photograph(photograph, painter.resolution)
    extractor = None
    if features is not Features.NONE:
        extractor = load_extractor(features.value, features_path, seed=seed, device=painter.device)
    elif features_path:
        raise ThrongError(f"{features_path}: no features are compared; leave it out, or say which in --features")
    options = Options(space, steps, rate, feature_weight, seed)
    projector = Projector(painter, options, extractor)
    with _progress() as progress:
        task = progress.add_task("searching", total=steps)
        found = projector.project(target, _asked(painter.stored, labels), lambda: progress.advance(task))
    own = projector.under(found, [found.request])
    shown, names = [target, painter.draw(own)[0]], ["photo", "found"]
    others = every_label(painter.stored) if to else []
    if to:
        shown += list(painter.draw(projector.under(found, others)))
        names += [request.name for request in others]
    record = record_of(
        "project",
        painter.stored,
        seed=seed,
        labels=spelled([found.request, *others]),
        photograph=_sha256(photograph),
        space=space.value,
        steps=steps,
        rate=rate,
        features=extractor.card() if extractor else None,
        feature_weight=feature_weight,
        distance=found.after,
    )
    write_png(out, sheet(np.stack(shown)[None], [""], names), record)
    if save:
        _write_array(save, own.cpu().numpy())
    label = f", label {found.request.name}" if found.request.name else ""
    console.print(f"distance {found.before:.4f} at first, {found.after:.4f} at last{label}: {out}", markup=False)


@gan.command()
def compare(
    metrics: Annotated[list[Path], typer.Argument(help="metrics.json files of evaluate_gan")],
    csv_file: Annotated[Path | None, typer.Option("--csv", help="also write every number")] = None,
    everything: Annotated[bool, typer.Option("--all", help="show settings and numbers of images too")] = False,
    only: Annotated[str, typer.Option(help="show figures with this text in their name alone")] = "",
) -> None:
    """Show the figures of several generators side by side, with their intervals."""
    from rich.table import Table

    from throng.gan.tools.comparison import as_csv, read_figures, rows_of, title_of

    files = [read_figures(path) for path in metrics]
    titles = [title_of(path) for path in metrics]
    if len(set(titles)) < len(titles):
        titles = [f"{title}\n{path}" for title, path in zip(titles, metrics, strict=True)]
    rows = {name: row for name, row in rows_of(files, everything=everything).items() if only in name}
    if not rows:
        raise ThrongError(f"no figure has {only!r} in its name; leave out --only to see all, or give --all")
    table = Table("figure", *titles)
    for name, row in rows.items():
        table.add_row(name, *(figure.text() if figure else "" for figure in row))
    console.print(table)
    if csv_file:
        write_text(csv_file, as_csv([title.replace("\n", " ") for title in titles], files))


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
        "logs": [_sha256(file) for file in files],
        "skip": skip,
        "smooth": smooth,
        "counting": counting.value,
    }
    for path in out:
        write_curves(path, chained, smooth, record)
    loss = chained.curves[G_LOSS]
    written = ", ".join(map(str, out))
    console.print(f"{len(files)} logs, {len(loss.kimg)} points to {loss.kimg.max():g} kimg: {written}", markup=False)


def _painter(model: Path, device: str) -> "Painter":
    from throng.diffusion.device import claimed
    from throng.gan.files import read_generator
    from throng.gan.painter import Painter

    path = model / "generator.safetensors" if model.is_dir() else model
    return Painter(read_generator(path), claimed(device, "throng gan"))


def _asked(stored: "StoredGenerator", labels: str | None) -> "list[Request]":
    from throng.gan.requests import every_label, requests_of

    return every_label(stored) if labels is None else requests_of(stored, [one.strip() for one in labels.split(",")])


def _transform(painter: "Painter", translate: tuple[float, float], rotate: float) -> "torch.Tensor | None":
    from throng.gan.stylegan3 import rotation, translation

    if tuple(translate) == (0, 0) and not rotate:
        return None
    name = painter.generator.architecture["name"]
    if name != "stylegan3":
        raise ThrongError(f"{name} cannot move or turn a picture; leave out --translate and --rotate")
    return translation(*translate) @ rotation(rotate)


def _grid(text: str, seeds: int) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ThrongError(f"grid {text!r}: expected a width and a height, such as 3x2")
    cells = int(width) * int(height)
    if seeds % cells:
        raise ThrongError(f"grid {text}: {seeds} seeds do not divide among {cells} films; give a multiple")
    return int(width), int(height)


def _check_cells(number: int) -> None:
    if number > CELLS:
        raise ThrongError(f"a sheet of {number} images is too large, {CELLS} are the most; name a folder instead")


def _tiles(images: "np.ndarray", width: int) -> "np.ndarray":
    from throng.gan.grids import tiled

    return tiled(images.reshape(-1, width, *images.shape[1:]))


def _tracked(items: Iterable[Item], text: str, total: float | None = None) -> Iterator[Item]:
    yield from track(items, text, total, console=beside, transient=True, disable=not beside.is_terminal)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=beside, transient=True, disable=not beside.is_terminal)


def _sha256(path: Path) -> str:
    from throng.files import sha256_file

    return sha256_file(path)


def _write_array(path: Path, values: Any) -> None:
    import io

    import numpy as np

    from throng.files import write_bytes

    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    write_bytes(path, buffer.getvalue())
