"""Everything one run made, table by table, and whether the tables belong together."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from throng.errors import ThrongError
from throng.manifest import OK, Table, read_footer, read_rows
from throng.tables import (
    calibrated_counts,
    density_labels,
    detections,
    gan_samples,
    images,
    prompts,
    ranked_pairs,
    removals,
    synthetic,
)
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.density_labels import DensityLabelRow
from throng.tables.detections import DetectionRow
from throng.tables.gan_samples import GanSampleRow
from throng.tables.images import ImageRow
from throng.tables.prompts import PromptRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow
from throng.tables.synthetic import SyntheticRow

TABLES: dict[str, tuple[Table, type]] = {
    "images": (images.TABLE, ImageRow),
    "detections": (detections.TABLE, DetectionRow),
    "removals": (removals.TABLE, RemovalRow),
    "ranked_pairs": (ranked_pairs.TABLE, RankedPairRow),
    "prompts": (prompts.TABLE, PromptRow),
    "synthetic": (synthetic.TABLE, SyntheticRow),
    "calibrated_counts": (calibrated_counts.TABLE, CalibratedCountRow),
    "density_labels": (density_labels.TABLE, DensityLabelRow),
    "gan_samples": (gan_samples.TABLE, GanSampleRow),
}
# tables that a run may lack, because nobody asked for what they hold
OPTIONAL = frozenset({"gan_samples"})


@dataclasses.dataclass(frozen=True)
class Corpus:
    """The rows of every table of one run, and the footers that say what made them."""

    images: list[ImageRow]
    detections: list[DetectionRow]
    removals: list[RemovalRow]
    ranked_pairs: list[RankedPairRow]
    prompts: list[PromptRow]
    synthetic: list[SyntheticRow]
    calibrated_counts: list[CalibratedCountRow]
    density_labels: list[DensityLabelRow]
    gan_samples: list[GanSampleRow]
    footers: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def read(cls, files: Callable[[str], Sequence[Path]], hashes: Mapping[str, str]) -> Self:
        """Read all tables; ``files`` gives a table's parts, ``hashes`` their sha256 by path below the results folder.

        Raises ThrongError when a table was made from another version of one of the others.
        """
        footers = {name: [read_footer(path) for path in files(name)] for name in TABLES}
        for name, parts in footers.items():
            _check_parents(name, parts, hashes)
        rows = {
            name: read_rows(files(name), table, row) if files(name) or name not in OPTIONAL else []
            for name, (table, row) in TABLES.items()
        }
        return cls(footers={name: _distinct(parts) for name, parts in footers.items()}, **rows)

    @cached_property
    def photographs(self) -> dict[str, list[ImageRow]]:
        """The usable images by id; several where two sources hold the same file."""
        found: dict[str, list[ImageRow]] = {}
        for row in self.images:
            if row.status == OK:
                found.setdefault(row.id, []).append(row)
        return found

    @cached_property
    def counted(self) -> list[tuple[SyntheticRow, CalibratedCountRow]]:
        """The usable synthetic images, each with what is known of its count."""
        known = {row.id: row for row in self.calibrated_counts if row.status == OK}
        return [(row, known[row.id]) for row in self.synthetic if row.id in known]

    @cached_property
    def drawn(self) -> list[GanSampleRow]:
        """The images of generators that were kept."""
        return [row for row in self.gan_samples if row.status == OK]

    def photograph(self, image_id: str, wanted_by: str) -> list[ImageRow]:
        """Return the rows of one usable image; raises ThrongError naming who wanted it."""
        if image_id not in self.photographs:
            raise ThrongError(
                f"{wanted_by} comes from image {image_id!r}, which table images does not hold as ok; "
                f"rerun the stage that made it"
            )
        return self.photographs[image_id]

    def redistributable(self, image_id: str, wanted_by: str) -> bool:
        """Tell whether every source of an image allows passing its pixels on."""
        return all(row.redistributable for row in self.photograph(image_id, wanted_by))


def _check_parents(name: str, footers: list[dict[str, Any]], hashes: Mapping[str, str]) -> None:
    for footer in footers:
        for parent, sha256 in footer["parents"].items():
            if hashes.get(parent, sha256) != sha256:
                raise ThrongError(
                    f"table {name!r} was made from another version of {parent} than the one given here; "
                    f"rerun stage {footer['stage']!r}"
                )


def _distinct(footers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for footer in footers:
        if footer not in found:
            found.append(footer)
    return found
