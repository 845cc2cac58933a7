"""Labels from files: a StyleGAN dataset.json, a CSV, or throng's table density_labels."""

import contextlib
import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from throng.conversion.labels import Label
from throng.conversion.table_labels import crop_of, labels_of
from throng.density.crowd import CropKind, Window
from throng.errors import ThrongError
from throng.manifest import read_rows
from throng.tables.density_labels import TABLE as DENSITY_LABELS
from throng.tables.density_labels import DensityLabelRow

MOST_CLASSES = 10_000
EXPECTED = "a dataset.json, a .csv or the table density_labels.parquet"


@dataclass(frozen=True)
class LabelFile:
    """Labels by relative path, or by id where ``by_id``; a table also says which part of each image they describe."""

    labels: Mapping[str, Label]
    classes: Sequence[str] = ()
    by_id: bool = False
    windows: Mapping[str, Window] = field(default_factory=dict)
    crop: tuple[CropKind, tuple[int, int]] | None = None

    @property
    def has_classes(self) -> bool:
        """Whether any label is a class."""
        return any(label.density_class is not None for label in self.labels.values())


def read_labels(path: Path) -> LabelFile:
    """Read a file of labels by its suffix; raises ThrongError naming the entry that is no label."""
    if not path.is_file():
        raise ThrongError(f"{path}: not found; expected {EXPECTED}")
    match path.suffix.lower():
        case ".json":
            return parse_json(path.read_bytes(), str(path))
        case ".csv":
            return _read_csv(path)
        case ".parquet":
            return _read_table(path)
    raise ThrongError(f"{path}: unknown kind of label file; expected {EXPECTED}")


def parse_json(data: bytes, where: str) -> LabelFile:
    """Parse a dataset.json: pairs of a name and a whole number or a vector; null labels are none at all."""
    try:
        content = json.loads(data)
        pairs = [] if content["labels"] is None else [(str(name), value) for name, value in content["labels"]]
        names = [str(name) for name in content.get("classes", ())]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ThrongError(f'{where}: expected {{"labels": [["name", class or vector], ...]}} ({error!r})') from error
    _refuse_twice([name for name, _ in pairs], where)
    labels = {name.replace("\\", "/"): _parsed(value, name, where) for name, value in pairs}
    if len({len(label.scores) for label in labels.values()}) > 1:
        raise ThrongError(f"{where}: mixes classes and vectors, or vectors of several lengths; expected one kind")
    return _named(labels, names, where)


def _parsed(value: Any, name: str, where: str) -> Label:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Label(density_class=value)
    if isinstance(value, list) and value and all(isinstance(number, int | float) for number in value):
        with contextlib.suppress(OverflowError):
            return Label(scores=tuple(map(float, value)))
    raise ThrongError(f"{where}: the label of {name!r} is {value!r}, expected a class from 0 upwards or a vector")


def _named(labels: dict[str, Label], names: Sequence[str], where: str) -> LabelFile:
    """Give classes their names: the file's own, else their numbers."""
    highest = max((label.density_class for label in labels.values() if label.density_class is not None), default=-1)
    if names and highest >= len(names):
        raise ThrongError(f"{where}: has a label of class {highest}, and names {len(names)} classes only")
    if highest >= MOST_CLASSES:
        raise ThrongError(f"{where}: has a label of class {highest}; expected fewer than {MOST_CLASSES} classes")
    classes = names or [str(number) for number in range(highest + 1)]
    named = {
        key: label
        if label.density_class is None
        else Label(label.density_class, classes[label.density_class], label.scores)
        for key, label in labels.items()
    }
    return LabelFile(named, classes)


def _read_csv(path: Path) -> LabelFile:
    """Read columns ``path`` or ``id``, and ``class``, ``score`` or both."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ThrongError(f"{path}: is no UTF-8 CSV file ({error})") from error
    columns = set(lines[0]) if lines else set[str]()
    key = next((name for name in ("path", "id") if name in columns), None)
    if key is None or not columns & {"class", "score"}:
        raise ThrongError(f"{path}: expected a first line with path or id, and class, score or both")
    _refuse_twice([line[key] for line in lines], str(path))
    labels: dict[str, Label] = {}
    for number, line in enumerate(lines, start=2):
        try:
            density_class = int(line["class"]) if line.get("class") else None
            scores = (float(line["score"]),) if line.get("score") else ()
        except ValueError as error:
            raise ThrongError(
                f"{path}, line {number}: {error}; expected a whole class and a number as score"
            ) from error
        if density_class is not None and density_class < 0:
            raise ThrongError(f"{path}, line {number}: class {density_class}; classes count from 0")
        labels[line[key]] = Label(density_class, "", scores)
    named = _named(labels, (), str(path))
    return LabelFile(named.labels, named.classes, by_id=key == "id")


def _read_table(path: Path) -> LabelFile:
    rows = [row for row in read_rows(path, DENSITY_LABELS, DensityLabelRow) if row.table == "images"]
    found = labels_of(path, None)
    labels = {row.id: label for row in rows if (label := found.of(row))}
    windows = {row.id: Window(row.crop_x, row.crop_y, row.crop_w, row.crop_h) for row in rows}
    return LabelFile(labels, found.classes, by_id=True, windows=windows, crop=crop_of(path))


def _refuse_twice(names: Sequence[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ThrongError(f"{where}: {name!r} is labelled twice; keep one of the labels")
        seen.add(name)
