"""From originals to a dataset: every image squared, numbered, labelled and written, or rejected with a reason."""

import dataclasses
import hashlib
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from throng.conversion.archive import LABELS, Container, name_of, write_dataset
from throng.conversion.labels import CLASSIFYING, UNLABELLED, Form, Label, Written, dataset_json
from throng.conversion.png import encode
from throng.conversion.transform import Square, square_of
from throng.density.crowd import Window
from throng.errors import ThrongError
from throng.images import image_id
from throng.manifest import OK, REJECTED, tally
from throng.sources.headers import read_header
from throng.tables.converted import ConvertedRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)

STAGE = "convert_dataset"
BATCH_IMAGES, BATCH_BYTES = 64, 1 << 24


class UnreadableError(ThrongError):
    """An original cannot be read; the message is the row's reason."""


@dataclasses.dataclass(frozen=True, slots=True)
class Original:
    """An image to convert: where it is and what is known of it.

    ``id`` and ``sha256`` are empty and ``window`` None where the file itself is to tell. ``reason`` rejects it unread.
    """

    id: str
    table: str
    source: str
    path: str
    split: str
    licence: str
    redistributable: bool
    sha256: str = ""
    window: Window | None = None
    label: Label = UNLABELLED
    reason: str = ""


Read = Callable[[Original], bytes]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a dataset is made: the squares, the PNGs, the labels' form, the classes' names and the container."""

    square: Square
    form: Form
    classes: Sequence[str]
    container: Container
    png_compression: int
    max_pixels: int


def convert(
    originals: Sequence[Original], read: Read, plan: Plan, target: Path, work: Workdir, threads: int
) -> list[ConvertedRow]:
    """Write the dataset of ``originals`` in their order and return a row for each, in that order.

    Finished batches are kept in ``work`` and not made again. Raises ThrongError when nothing is left to write.
    """
    size = max(1, min(BATCH_IMAGES, BATCH_BYTES // (3 * plan.square.resolution**2)))
    batches = {f"{index:06d}": originals[at : at + size] for index, at in enumerate(range(0, len(originals), size))}

    def make(item: tuple[str, Sequence[Original]]) -> Made:
        key, batch = item
        return _batch(key, batch, read, plan)

    stage = f"{STAGE}, batches of {size}"
    made = process(work, {key: (key, batch) for key, batch in batches.items()}, make, threads=threads, stage=stage)
    rows, members, labels = _numbered([row for key in batches for row in made[key]["rows"]], plan, work)
    log.info("%s: %s", STAGE, tally(rows))
    if not members:
        raise ThrongError(f"no image is left to write: {_spelled(rows)}")
    _warn_of_absent(labels, plan)
    classes = plan.classes if plan.form in CLASSIFYING else ()
    members[LABELS] = dataset_json(None if plan.form == "none" else labels, classes)
    write_dataset(target, plan.container, members)
    return rows


def _batch(key: str, batch: Sequence[Original], read: Read, plan: Plan) -> Made:
    rows: list[dict[str, Any]] = []
    pixels: list[bytes] = []
    end = 0
    for original in batch:
        row, png = convert_one(original, read, plan)
        rows.append({"row": dataclasses.asdict(row), "file": f"{key}.png", "at": end, "bytes": len(png)})
        pixels.append(png)
        end += len(png)
    return {"rows": rows}, {f"{key}.png": b"".join(pixels)}


def convert_one(original: Original, read: Read, plan: Plan) -> tuple[ConvertedRow, bytes]:
    """Return the row, yet without a name, and the PNG of one image; a rejected row has no bytes."""
    window = original.window or Window(0, 0, 0, 0)
    row = ConvertedRow(
        name="",
        id=original.id,
        table=original.table,
        source=original.source,
        path=original.path,
        split=original.split,
        crop_x=window.x,
        crop_y=window.y,
        crop_w=window.w,
        crop_h=window.h,
        density_class=original.label.density_class,
        class_name=original.label.class_name,
        scores=list(original.label.scores),
        sha256="",
        licence=original.licence,
        redistributable=original.redistributable,
        status=REJECTED,
        reason=original.reason,
    )
    if original.reason:
        return row, b""
    try:
        data = read(original)
    except UnreadableError as error:
        return dataclasses.replace(row, reason=str(error)), b""
    row = dataclasses.replace(row, id=row.id or image_id(data))
    if original.sha256 and hashlib.sha256(data).hexdigest() != original.sha256:
        return dataclasses.replace(row, reason="changed: the file is not the one that the table describes"), b""
    header = read_header(data, plan.max_pixels)
    if header.reason:
        return dataclasses.replace(row, reason=header.reason), b""
    window = original.window or plan.square.window(header)
    row = dataclasses.replace(row, crop_x=window.x, crop_y=window.y, crop_w=window.w, crop_h=window.h)
    try:
        png = encode(square_of(data, header, window, plan.square), plan.png_compression)
    except ThrongError as error:
        return dataclasses.replace(row, reason=str(error)), b""
    return dataclasses.replace(row, sha256=hashlib.sha256(png).hexdigest(), status=OK, reason=""), png


def _numbered(
    made: Sequence[Mapping[str, Any]], plan: Plan, work: Workdir
) -> tuple[list[ConvertedRow], dict[str, Any], dict[str, Written]]:
    """Name what was made, in its order; return all rows, the files by name and the labels by name."""
    numbers = itertools.count()
    rows: list[ConvertedRow] = []
    members: dict[str, Any] = {}
    labels: dict[str, Written] = {}
    for item in made:
        row = ConvertedRow(**item["row"])
        if row.status == OK:
            row = dataclasses.replace(row, name=name_of(next(numbers)))
            members[row.name] = partial(_slice, work.file(item["file"]), item["at"], item["bytes"])
            label = Label(row.density_class, row.class_name, tuple(row.scores)).written(plan.form, len(plan.classes))
            if label is not None:
                labels[row.name] = label
        rows.append(row)
    return rows, members, labels


def _slice(path: Path, at: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(at)
        return file.read(size)


def _warn_of_absent(labels: Mapping[str, Written], plan: Plan) -> None:
    """Say which classes no image has: a loader that takes the highest class for the last makes fewer of them."""
    if plan.form not in CLASSIFYING:
        return
    found = Counter(label if isinstance(label, int) else label.index(1.0) for label in labels.values())
    log.info("%s: images by class: %s", STAGE, {name: found[index] for index, name in enumerate(plan.classes)})
    absent = [name for index, name in enumerate(plan.classes) if not found[index]]
    if absent:
        said = "" if plan.form == "one-hot" else "; loaders that count classes by the highest one need label one-hot"
        log.warning("%s: no image has class %s%s", STAGE, ", ".join(absent), said)


def _spelled(rows: Sequence[ConvertedRow]) -> str:
    if not rows:
        return "none was chosen"
    first = next(row for row in rows if row.status != OK)
    return (
        ", ".join(f"{number} {what}" for what, number in tally(rows).items())
        + f"; the first, {first.path}: {first.reason}"
    )
