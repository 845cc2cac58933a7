"""Every labelled image with what it is a picture of, who labelled it how, and what is true of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throng.chunks import members, part_name
from throng.density.crowd import Window
from throng.density.labels import class_names
from throng.density_audit.agreement import Opinion
from throng.density_audit.truth import RenderedTruth, Truth
from throng.errors import ThrongError
from throng.manifest import read_footer, read_rows
from throng.roots import RESULTS
from throng.tables import density_labels, images, synthetic
from throng.tables.density_labels import DensityLabelRow
from throng.tables.images import ImageRow
from throng.tables.synthetic import SyntheticRow

PHOTOGRAPHS, SYNTHETIC = images.TABLE.name, synthetic.TABLE.name
Record = dict[str, Any]


@dataclass(frozen=True)
class Labeller:
    """One labeller's name, method and mode, and the names of its classes, emptiest first."""

    method: str
    mode: str
    classes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what the labeller is called."""
        return f"{self.method} {self.mode}"


@dataclass(frozen=True)
class Labelled:
    """One image with its labels, and its truth where it is rendered."""

    row: DensityLabelRow
    image: ImageRow | SyntheticRow
    truth: Truth | None

    @property
    def window(self) -> Window:
        """Return the part of the image that was labelled."""
        return Window(self.row.crop_x, self.row.crop_y, self.row.crop_w, self.row.crop_h)

    @property
    def group(self) -> str:
        """Return the photograph's source, the synthetic image's maker."""
        return self.image.source if isinstance(self.image, ImageRow) else self.image.maker

    @property
    def place(self) -> tuple[str, str]:
        """Return source and path of the pixels."""
        return (self.image.source if isinstance(self.image, ImageRow) else RESULTS), self.image.path

    @property
    def scene(self) -> str:
        """Return what is drawn as one by the bootstrap: the scene as rendered, else as recorded, else the image."""
        if self.truth is not None:
            return f"rendered/{self.truth.scene}"
        return self.image.scene or f"{self.row.table}/{self.row.id}"


@dataclass(frozen=True)
class Gathered:
    """All labelled images in the order of their table, the labellers, and the section that they were labelled by."""

    images: Sequence[Labelled]
    labellers: Sequence[Labeller]
    section: Mapping[str, Any]

    def opinions(self) -> list[Opinion]:
        """Return what each labeller says of every image."""
        said = [labelled.row.labels for labelled in self.images]
        return [
            Opinion(
                labeller.name,
                np.array([_number(labels[place]["score"]) if labels else np.nan for labels in said], np.float64),
                np.array([_class(labels[place]["density_class"]) if labels else -1 for labels in said], np.int64),
                len(labeller.classes),
            )
            for place, labeller in enumerate(self.labellers)
        ]


def gather(
    labels: Path, photographs: Path, synthesised: Sequence[Path], truth: RenderedTruth | None, tables: Sequence[str]
) -> Gathered:
    """Join the labels of the chosen ``tables`` with their images and their truth.

    Raises ThrongError when there are none, when an image or the configuration behind a label is missing, or as
    :meth:`RenderedTruth.of` does.
    """
    known: dict[str, Mapping[str, ImageRow | SyntheticRow]] = {
        PHOTOGRAPHS: members(read_rows(photographs, images.TABLE, ImageRow), part_name(0, 1)),
        SYNTHETIC: {row.id: row for row in _synthesised(synthesised)},
    }
    rows = [row for row in read_rows(labels, density_labels.TABLE, DensityLabelRow) if row.table in tables]
    if not rows:
        raise ThrongError(f"{labels}: no image of {' or '.join(tables)} is labelled, so there is nothing to audit")
    section, labellers = _labellers(labels)
    joined: list[Labelled] = []
    for row in rows:
        image = known[row.table].get(row.id)
        if image is None:
            raise ThrongError(f"{labels}: image {row.id} is not in table {row.table}; rerun stage 'label_density'")
        if row.labels and [f"{said['method']} {said['mode']}" for said in row.labels] != [n.name for n in labellers]:
            raise ThrongError(f"{labels}: image {row.id} has other labellers than its footer; rerun 'label_density'")
        window = Window(row.crop_x, row.crop_y, row.crop_w, row.crop_h)
        told = truth.of(image, window) if truth and isinstance(image, ImageRow) else None
        joined.append(Labelled(row, image, told))
    return Gathered(joined, labellers, section)


def _synthesised(paths: Sequence[Path]) -> list[SyntheticRow]:
    return read_rows(paths, synthetic.TABLE, SyntheticRow) if paths else []


def _labellers(labels: Path) -> tuple[Mapping[str, Any], list[Labeller]]:
    """Return the section that the labels were made by, from the table's footer, and its labellers."""
    section = read_footer(labels)["config"].get("label_density", {})
    if "labellers" not in section:
        raise ThrongError(f"{labels}: its footer does not say which labellers made it; rerun stage 'label_density'")
    return section, [
        Labeller(one["method"], one["mode"], tuple(class_names(**{name: one[name] for name in _NAMED})))
        for one in section["labellers"]
    ]


_NAMED = ("method", "mode", "thresholds", "classes")


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _class(value: int | None) -> int:
    return -1 if value is None else value
