"""The images that a generator learns from and their labels: converted, an archive of one's own, or labelled tables.

The archive's layout is StyleGAN's: squares and dataset.json (Karras et al. 2019, section 4); the rest is throng's own.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from throng.conversion.archive import LABELS
from throng.conversion.label_files import parse_json
from throng.conversion.labels import UNLABELLED, Label
from throng.counting.pixel_store import PixelStore
from throng.errors import ThrongError
from throng.images import ImageStore, decode, image_id
from throng.manifest import OK, read_rows
from throng.roots import RESULTS
from throng.stage import Files
from throng.tables import converted, density_labels, images, synthetic
from throng.tables.converted import ConvertedRow
from throng.tables.density_labels import DensityLabelRow
from throng.tables.images import ImageRow
from throng.tables.synthetic import SyntheticRow

log = logging.getLogger(__name__)
Kind = Literal["class", "score", "vector", "none"]
DATASET = "dataset"
ANY_SIZE = 2**40


@dataclass(frozen=True)
class Item:
    """One image: its id, how it is read as (R, R, 3) uint8 RGB, its label, people in it, and its terms."""

    id: str
    read: Callable[[], np.ndarray]
    label: Label = UNLABELLED
    people: float | None = None
    licence: str = ""
    redistributable: bool = False
    split: str = ""


@dataclass
class TrainingSet:
    """Images in a fixed order with one kind of label.

    ``labels`` is (N,) float64, class numbers or scores, (N, K) where ``kind`` is vector, (N, 0) where it is none;
    ``classes`` names the classes, emptiest first; ``counts`` (N,) is people in each image, None where one is not known;
    ``splits`` are those that the images belong to, none where that is not known.
    """

    ids: list[str]
    labels: np.ndarray
    kind: Kind
    classes: list[str]
    licence: str
    redistributable: bool
    counts: np.ndarray | None
    resolution: int
    _readers: list[Callable[[], np.ndarray]] = field(repr=False)
    _gigabytes: float = field(default=1.0, repr=False)
    splits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._kept: list[np.ndarray | None] = [None] * len(self.ids)
        self._pixels = PixelStore(int(self._gigabytes * 2**30))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ids)

    def pixels(self, index: int) -> np.ndarray:
        """Return image ``index`` as (R, R, 3) uint8 RGB, read-only; many threads may ask.

        It stays decoded while the budget of memory lasts. Raises ThrongError when it cannot be read.
        """
        kept = self._kept[index]
        if kept is not None:
            return kept
        seen = self._readers[index]()
        seen.flags.writeable = False
        with self._lock:
            if self._kept[index] is None and (kept := self._pixels.keep(seen)) is not None:
                kept.flags.writeable = False
                self._kept[index] = kept
        return seen

    @property
    def label_counts(self) -> dict[str, int]:
        """Return the number of images of each class, by its number; empty where labels are no classes."""
        if self.kind != "class":
            return {}
        found = Counter(int(label) for label in self.labels)
        return {str(number): found[number] for number in range(len(self.classes))}


def open_training_set(
    inputs: Files,
    data: Any,
    resolution: int,
    store: ImageStore,
    *,
    wanted: Kind | None = None,
    gigabytes: float = 1.0,
) -> TrainingSet:
    """Open the images that section ``data`` (kind converted, archive or labelled) names among a job's inputs.

    ``wanted`` is the kind of label; None takes what there is, classes before scores. ``gigabytes`` (2^30 bytes) of
    decoded images are kept. Raises ThrongError without images, with labels for some of them only, for an image of
    another size than ``resolution``, a class out of range, and a kind of label that is not there.
    """
    match data.kind:
        case "converted":
            items, classes, where = _converted(inputs, resolution)
        case "archive":
            items, classes, where = _archive(inputs.one(DATASET), data, resolution)
        case _:
            items, classes, where = _labelled(inputs, data, resolution, store)
    kind = wanted or _kind_of(items)
    labels = _labels(items, kind, where)
    if kind == "class":
        classes = _checked_classes(labels, classes, where)
    people = [item.people for item in items]
    found = TrainingSet(
        ids=[item.id for item in items],
        labels=labels,
        kind=kind,
        classes=classes if kind == "class" else [],
        licence=" AND ".join(sorted({item.licence for item in items})),
        redistributable=all(item.redistributable for item in items),
        counts=None if None in people else np.array(people, np.float64),
        resolution=resolution,
        _readers=[item.read for item in items],
        _gigabytes=gigabytes,
        splits=tuple(sorted({item.split for item in items} - {""})),
    )
    log.info("%d images of %d x %d pixels from %s, label: %s", len(found), resolution, resolution, where, _told(found))
    return found


def _told(found: TrainingSet) -> str:
    match found.kind:
        case "class":
            return ", ".join(
                f"{name} {number}" for name, number in zip(found.classes, found.label_counts.values(), strict=True)
            )
        case "score":
            return f"a score from {found.labels.min():g} to {found.labels.max():g}"
        case "vector":
            return f"a vector of {found.labels.shape[1]}"
    return "none"


def _converted(inputs: Files, resolution: int) -> tuple[list[Item], list[str], str]:
    table, dataset = inputs.one("converted"), inputs.one(DATASET)
    rows = [row for row in read_rows(table, converted.TABLE, ConvertedRow) if row.status == OK]
    where = str(dataset)
    if not rows:
        raise ThrongError(f"{table}: no image was converted; see its reasons, and rerun stage 'convert_dataset'")
    store = ImageStore({DATASET: dataset})
    people = _people(inputs.many("labels"))
    items = [
        Item(
            row.id,
            _reader(store, DATASET, row.name, resolution, where, row.sha256),
            Label(row.density_class, row.class_name, tuple(row.scores)),
            people.get((row.table, row.id)),
            row.licence,
            row.redistributable,
            row.split,
        )
        for row in sorted(rows, key=lambda row: row.name)
    ]
    items[0].read()
    named = parse_json(store.read_bytes(DATASET, LABELS), f"{where}/{LABELS}").classes
    return items, list(named) or _names(rows), where


def _people(tables: Sequence[Path]) -> dict[tuple[str, str], float | None]:
    rows = read_rows(tables, density_labels.TABLE, DensityLabelRow) if tables else []
    return {(row.table, row.id): row.count for row in rows}


def _names(rows: Sequence[ConvertedRow]) -> list[str]:
    """Return the classes' names by number; one that no image has is called by its number."""
    known = {row.density_class: row.class_name for row in rows if row.density_class is not None}
    return [known.get(number, str(number)) for number in range(max(known, default=-1) + 1)]


def _archive(path: Path, data: Any, resolution: int) -> tuple[list[Item], list[str], str]:
    from throng.conversion.originals import SOURCE, open_source

    source = open_source(path, data.licence)
    known = source.labels.labels if source.labels else {}
    where = f"{path}/{LABELS}"
    names = [original.path for original in source.originals]
    if strangers := sorted(set(known) - set(names)):
        raise ThrongError(
            f"{where}: {len(strangers)} of {len(known)} labels are of no image in {path}, the first is "
            f"{strangers[0]!r}; restore the images, or drop the labels"
        )
    items: list[Item] = []
    for original in source.originals:
        if original.reason:
            raise ThrongError(f"{path}: {original.path}: {original.reason}")
        content = source.store.read_bytes(SOURCE, original.path)
        _check_size(content, resolution, original.path, str(path))
        digest = hashlib.sha256(content).hexdigest()
        reader = _reader(source.store, SOURCE, original.path, resolution, str(path), digest)
        label = known.get(original.path, UNLABELLED)
        items.append(Item(image_id(content), reader, label, None, data.licence, data.redistributable))
    return items, list(source.labels.classes) if source.labels else [], where


def _check_size(content: bytes, resolution: int, name: str, where: str) -> None:
    from throng.sources.headers import read_header

    header = read_header(content, ANY_SIZE)
    if header.reason:
        raise ThrongError(f"{where}: {name}: {header.reason}")
    if (header.width, header.height) != (resolution, resolution):
        raise ThrongError(
            f"{where}: {name} has {header.width} x {header.height} pixels, resolution is {resolution}: "
            f"set resolution to theirs, or make the archive anew with throng convert --resolution {resolution}"
        )


def _reader(
    store: ImageStore, source: str, name: str, resolution: int, where: str, sha256: str
) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        content = store.read_bytes(source, name)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ThrongError(f"{where}: {name} is not the file that was described: it has changed since; convert anew")
        try:
            image = decode(content)
        except ThrongError as error:
            raise ThrongError(f"{where}: {name}: {error}") from error
        if image.shape != (resolution, resolution, 3):
            raise ThrongError(
                f"{where}: {name} has {image.shape[1]} x {image.shape[0]} pixels, resolution is {resolution}: set "
                f"resolution of this generator and of convert_dataset alike"
            )
        return image

    return read


def _labelled(inputs: Files, data: Any, resolution: int, store: ImageStore) -> tuple[list[Item], list[str], str]:
    from throng.conversion.table_labels import crop_of, labels_of
    from throng.conversion.transform import Square

    table = inputs.one("labels")
    said = labels_of(table, data.labeller)
    kind, aspect = crop_of(table)
    square = Square(resolution, kind, aspect)
    rows = {(row.table, row.id): row for row in read_rows(table, density_labels.TABLE, DensityLabelRow)}
    items: list[Item] = []
    left_out: list[str] = []
    for original in _originals(inputs, data):
        row = rows.get((original.table, original.id))
        label = said.of(row) if row else None
        if row is None or label is None:
            left_out.append(f"{original.path}: {said.why_not(row) if row else 'no row in the table'}")
        elif row.crop_w < square.picture[0] or row.crop_h < square.picture[1]:
            left_out.append(f"{original.path}: too small: {row.crop_w} x {row.crop_h} pixels are kept of it")
        else:
            read = _squarer(store, original, row, square)
            terms = (original.licence, original.redistributable, original.split)
            items.append(Item(original.id, read, label, row.count, *terms))
    if not items:
        raise ThrongError(f"{table}: none of {len(left_out)} images can be learnt from; the first, {left_out[0]}")
    if left_out:
        log.warning(
            "%d of %d images are left out; the first, %s", len(left_out), len(left_out) + len(items), left_out[0]
        )
    return items, list(said.classes), str(table)


@dataclass(frozen=True)
class _Original:
    table: str
    id: str
    source: str
    path: str
    sha256: str
    licence: str
    redistributable: bool
    split: str


def _originals(inputs: Files, data: Any) -> list[_Original]:
    """Return the good images of the tables and splits that are taken, by id."""
    found: list[_Original] = []
    if "images" in data.tables:
        for row in read_rows(inputs.one("images"), images.TABLE, ImageRow):
            if row.status == OK and row.split in data.splits:
                terms = (row.licence, row.redistributable, row.split)
                found.append(_Original(images.TABLE.name, row.id, row.source, row.path, row.sha256, *terms))
    if "synthetic" in data.tables and inputs.many("synthetic"):
        for row in read_rows(inputs.many("synthetic"), synthetic.TABLE, SyntheticRow):
            if row.status == OK and row.split in data.splits:
                terms = (row.licence, row.redistributable, row.split)
                found.append(_Original(synthetic.TABLE.name, row.id, RESULTS, row.path, row.sha256, *terms))
    if not found:
        raise ThrongError(f"no good image of tables {data.tables} is in splits {data.splits}: choose others, or ingest")
    return sorted(found, key=lambda one: (one.id, one.table))


def _squarer(store: ImageStore, original: _Original, row: DensityLabelRow, square: Any) -> Callable[[], np.ndarray]:
    from throng.conversion.transform import square_of
    from throng.density.crowd import Window
    from throng.sources.headers import read_header

    window = Window(row.crop_x, row.crop_y, row.crop_w, row.crop_h)

    def read() -> np.ndarray:
        content = store.read_bytes(original.source, original.path)
        where = f"{original.path} of source {original.source}"
        if hashlib.sha256(content).hexdigest() != original.sha256:
            raise ThrongError(f"{where} is not the file that the table describes: restore it, or ingest anew")
        header = read_header(content, ANY_SIZE)
        try:
            return np.ascontiguousarray(square_of(content, header, window, square))
        except ThrongError as error:
            raise ThrongError(f"{where}: {error}") from error

    return read


def _kind_of(items: Sequence[Item]) -> Kind:
    labels = [item.label for item in items]
    if any(label.density_class is not None for label in labels) or _one_hot(labels):
        return "class"
    widest = max(len(label.scores) for label in labels)
    return "none" if widest == 0 else "score" if widest == 1 else "vector"


def _one_hot(labels: Sequence[Label]) -> bool:
    return all(len(label.scores) > 1 and sorted(label.scores)[-2:] == [0.0, 1.0] for label in labels)


def _labels(items: Sequence[Item], kind: Kind, where: str) -> np.ndarray:
    """Return all labels of one kind; raises ThrongError when some image has none."""
    if kind == "none":
        return np.zeros((len(items), 0))
    found = [_label(item.label, kind) for item in items]
    missing = [item.id for item, label in zip(items, found, strict=True) if label is None]
    if len(missing) == len(items):
        raise ThrongError(f"{where}: no image has a label of kind {kind!r}: choose a conditioning that fits its labels")
    if missing:
        raise ThrongError(
            f"{where}: {len(missing)} of {len(items)} images have no label of kind {kind!r}, the first is image "
            f"{missing[0]}: label all of them, or train with conditioning none"
        )
    if kind == "vector" and len({len(item.label.scores) for item in items}) > 1:
        raise ThrongError(f"{where}: vectors of several lengths; expected one length for all images")
    return np.array(found, np.float64)


def _label(label: Label, kind: Kind) -> float | tuple[float, ...] | None:
    if kind == "class":
        if label.density_class is None and _one_hot([label]):
            return float(label.scores.index(1.0))
        return None if label.density_class is None else float(label.density_class)
    if kind == "score":
        return label.scores[0] if len(label.scores) == 1 else None
    return label.scores or None


def _checked_classes(labels: np.ndarray, names: Sequence[str], where: str) -> list[str]:
    highest = int(labels.max())
    if not names:
        return [str(number) for number in range(highest + 1)]
    if highest >= len(names) or labels.min() < 0:
        raise ThrongError(f"{where}: an image has class {highest}, and there are {len(names)}: {', '.join(names)}")
    return list(names)
