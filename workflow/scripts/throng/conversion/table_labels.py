"""What table density_labels says of an image, by the labeller that is wanted, and of the part that it describes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throng.conversion.labels import Label
from throng.density.crowd import CropKind
from throng.errors import ThrongError
from throng.manifest import read_footer
from throng.tables.density_labels import DensityLabelRow

KIND = "unlabelled: "


@dataclass(frozen=True)
class TableLabels:
    """A labeller of the table, ``method mode``, and the names of its classes, emptiest first."""

    labeller: str
    classes: Sequence[str]

    def of(self, row: DensityLabelRow) -> Label | None:
        """Return what the labeller says of an image; None where it says nothing."""
        for said in row.labels:
            if f"{said['method']} {said['mode']}" != self.labeller:
                continue
            score = said["score"]
            scores = () if score is None or not math.isfinite(score) else (score,)
            if said["density_class"] is None and not scores:
                return None
            return Label(said["density_class"], said["class_name"], scores)
        return None

    def why_not(self, row: DensityLabelRow) -> str:
        """Return why the labeller says nothing of an image, as a row's reason."""
        said = [label["reason"] for label in row.labels if f"{label['method']} {label['mode']}" == self.labeller]
        why = next(filter(None, [*said, row.reason]), "the labeller says nothing of it")
        return f"{KIND}{why.removeprefix(KIND)}"


def labels_of(table: Path, labeller: str | None) -> TableLabels:
    """Return the labels of the labeller named, or of the one that was chosen for the table.

    Raises ThrongError when the table has no such labeller.
    """
    from throng.density.labels import class_names

    section = _section(table)
    wanted = labeller or section["label"]
    settings = {f"{one['method']} {one['mode']}": one for one in section["labellers"]}
    if wanted not in settings:
        raise ThrongError(f"{table}: no labeller is {wanted!r}; label_density has {', '.join(settings)}")
    return TableLabels(wanted, class_names(**settings[wanted]))


def crop_of(table: Path) -> tuple[CropKind, tuple[int, int]]:
    """Return which part of the images the table's labels describe: the crop's kind, and its aspect where it is wide."""
    section = _section(table)
    return section["crop"], (section["wide"][0], section["wide"][1])


def _section(table: Path) -> dict[str, Any]:
    section = read_footer(table)["config"].get("label_density", {})
    if not {"label", "labellers", "crop", "wide"} <= section.keys():
        raise ThrongError(f"{table}: its footer does not say how it was labelled; rerun stage 'label_density'")
    return section
