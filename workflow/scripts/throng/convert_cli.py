"""The command that converts a folder or a zip of images into a dataset for training GANs."""

import enum
import logging
import os
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from throng.errors import ThrongError

if TYPE_CHECKING:
    from throng.conversion.build import Plan
    from throng.conversion.label_files import LabelFile
    from throng.conversion.labels import Form
    from throng.conversion.originals import Source
    from throng.conversion.transform import Resize, Square
    from throng.density.crowd import CropKind
    from throng.provenance import Provenance

console = Console(soft_wrap=True)


class Transform(enum.StrEnum):
    """Which part of an image is kept."""

    NONE = "none"
    CENTER_CROP = "center-crop"
    CENTER_CROP_WIDE = "center-crop-wide"


class Filter(enum.StrEnum):
    """How images are made smaller."""

    SCALED = "scaled"
    LANCZOS = "lanczos"


class Said(enum.StrEnum):
    """What dataset.json says of an image."""

    CLASS = "class"
    ONE_HOT = "one-hot"
    SCORE = "score"
    NONE = "none"


def convert_dataset(
    source: Annotated[Path, typer.Argument(help="a folder of images, with its sub-folders, or a zip")],
    dest: Annotated[Path, typer.Argument(help="a new folder, or a new .zip; its table is written beside it")],
    resolution: Annotated[str, typer.Option(help="a power of two such as 256; WxH for a band W wide, H high")] = "256",
    transform: Annotated[
        Transform | None,
        typer.Option(
            help="none: all of the image, squeezed; center-crop: its largest square; center-crop-wide: its largest "
            "band, between black bars"
        ),
    ] = None,
    aspect: Annotated[str | None, typer.Option(help="aspect of the band, W:H; 16:9 when left out")] = None,
    resize: Annotated[
        Filter,
        typer.Option(help="lanczos: as Pillow does; scaled: several times faster for large JPEGs, 38 dB from that"),
    ] = Filter.SCALED,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="a dataset.json, a .csv (path or id, then class, score or both), or density_labels.parquet; "
            "when left out, dataset.json in the source, where there is one"
        ),
    ] = None,
    label: Annotated[
        Said | None,
        typer.Option(help="what is written of them; when left out, the class where there are any, else score"),
    ] = None,
    enlarge: Annotated[
        bool, typer.Option(help="enlarge images smaller than the square; else they are left out")
    ] = False,
    png_compression: Annotated[int, typer.Option(min=0, max=9, help="0: fastest, 1 to 9: a third smaller")] = 0,
    max_images: Annotated[int | None, typer.Option(min=1, help="take the first so many by path")] = None,
    threads: Annotated[int, typer.Option(min=1, help="images at a time")] = os.cpu_count() or 1,
    licence: Annotated[str, typer.Option(help="licence of the images, SPDX id or a few words")] = "unknown",
) -> None:
    """Convert images into squares with labels, in the layout that StyleGAN's data loaders read.

    The same images and options make the same bytes. An interrupted run goes on where it was when it is started again.
    """
    from throng.conversion.build import Plan, convert
    from throng.conversion.originals import MAX_PIXELS, open_source, with_labels
    from throng.manifest import tally, write_table
    from throng.provenance import canonical_json, digest
    from throng.tables.converted import TABLE
    from throng.workdir import Workdir

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    square = _square(resolution, transform, aspect, resize.value, enlarge)
    found = open_source(source, licence)
    beside = _check_destination(source, dest)
    said, where = _labels(labels, found)
    if said and said.crop:
        square = _as_labelled(square, said.crop, transform, where)
    form = _form(said, label)
    originals = with_labels(found, said, form, where)[:max_images] if said else list(found.originals)[:max_images]
    plan = Plan(
        square,
        form,
        said.classes if said else (),
        "zip" if dest.suffix.lower() == ".zip" else "folder",
        png_compression,
        MAX_PIXELS,
    )
    made_by = _provenance(plan, max_images, licence)
    state = canonical_json([*found.state(), *(repr(original) for original in originals)])
    scratch = dest.parent / f".{dest.name}.work"
    work = Workdir(scratch / digest(canonical_json(made_by.config), made_by.code, state)[:20])
    try:
        rows = convert(originals, found.read, plan, dest, work, threads)
    except ThrongError:  # nothing to go on with: the same run would end the same way
        Workdir(scratch).remove()
        raise
    write_table(beside, TABLE, rows, made_by)
    Workdir(scratch).remove()
    console.print(f"{dest}: {', '.join(f'{number} {what}' for what, number in tally(rows).items())}")
    console.print(f"{beside}: a row for each, with the reason where it was rejected")


def _square(resolution: str, transform: Transform | None, aspect: str | None, resize: str, enlarge: bool) -> "Square":
    """Return what is written of an image; ``resolution`` WxH is the original tool's way to say an aspect."""
    from throng.conversion.transform import Square
    from throng.sections.convert_dataset import power_of_two

    found = re.fullmatch(r"(\d+)(?:x(\d+))?", resolution)
    if not found:
        raise ThrongError(f"--resolution {resolution!r}: expected a number such as 256, or WxH such as 256x256")
    width, height = int(found[1]), int(found[2] or found[1])
    kind = cast("CropKind", (transform or Transform.NONE).value)
    if (aspect or width != height) and kind != "center-crop-wide":
        raise ThrongError("an aspect other than a square belongs to --transform center-crop-wide; add that, or drop it")
    if aspect and width != height:
        raise ThrongError(f"--resolution {resolution} and --aspect {aspect} both say an aspect; keep one of them")
    shape = re.fullmatch(r"(\d+):(\d+)", aspect or (f"{width}:{height}" if width != height else "16:9"))
    if not shape or 0 in map(int, shape.groups()):
        raise ThrongError(f"--aspect {aspect!r}: expected W:H, such as 16:9")
    try:
        side = power_of_two(max(width, height))
    except ValueError as error:
        raise ThrongError(f"--resolution {resolution}: {error}") from error
    return Square(side, kind, (int(shape[1]), int(shape[2])), cast("Resize", resize), enlarge)


def _check_destination(source: Path, dest: Path) -> Path:
    """Return where the table goes; raises ThrongError when the dataset, or it, would lie on or in something else."""
    beside = dest.parent / f"{dest.stem if dest.suffix.lower() == '.zip' else dest.name}.parquet"
    if source.is_dir() and dest.resolve().is_relative_to(source.resolve()):
        raise ThrongError(f"{dest}: lies in the source, which is never written into; choose another destination")
    if dest.exists() and not (dest.is_dir() and not any(dest.iterdir())):
        raise ThrongError(f"{dest}: is there already and not empty; delete it, or choose another destination")
    if dest.suffix and dest.suffix.lower() != ".zip":
        raise ThrongError(f"{dest}: expected a folder's name without a suffix, or a .zip")
    if dest.is_dir() and dest.suffix:
        raise ThrongError(f"{dest}: is a folder, although its name ends in .zip; rename it")
    if beside.exists():
        raise ThrongError(f"{beside}: is there already, and the dataset's table goes there; delete or move it")
    return beside


def _labels(file: Path | None, source: "Source") -> tuple["LabelFile | None", str]:
    """Return the labels of the file named, else those that lie with the images, and where they are."""
    from throng.conversion.label_files import read_labels

    if file is not None:
        return read_labels(file), file.as_posix()
    return source.labels, f"{source.path}/dataset.json"


def _as_labelled(
    square: "Square", crop: tuple["CropKind", tuple[int, int]], transform: Transform | None, where: str
) -> "Square":
    """Return the square of the part that a table's labels describe; raises ThrongError when another is asked for."""
    kind, aspect = crop
    asked = (square.kind, square.aspect if square.kind == "center-crop-wide" else aspect)
    if transform is not None and asked != (kind, aspect):
        raise ThrongError(f"{where}: describes images cut by {kind}, {aspect[0]}:{aspect[1]}; leave out --transform")
    return replace(square, kind=kind, aspect=aspect)


def _form(labels: "LabelFile | None", asked: Said | None) -> "Form":
    if labels is None:
        if asked not in (None, Said.NONE):
            raise ThrongError(f"--label {asked}: the source has no dataset.json; name a file by --labels")
        return "none"
    return asked.value if asked else "class" if labels.has_classes else "score"


def _provenance(plan: "Plan", max_images: int | None, licence: str) -> "Provenance":
    """Return what decided the bytes, for the table's footer; neither names a folder of this machine."""
    from throng import __version__
    from throng.provenance import Provenance

    settings = asdict(plan.square) | {
        "label": plan.form,
        "classes": list(plan.classes),
        "format": plan.container,
        "png_compression": plan.png_compression,
        "max_images": max_images,
        "licence": licence,
    }
    return Provenance("convert-dataset", {"convert_dataset": settings}, __version__, 0)
