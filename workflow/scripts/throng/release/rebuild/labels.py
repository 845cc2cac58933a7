"""Density labels of photographs whose annotations a release withholds, made again from the user's copy."""

import dataclasses
from collections.abc import Mapping

from pydantic import TypeAdapter

from throng.density.labelling import PHOTOGRAPHS, Labelling, normalise, subjects_of, unlabelled
from throng.release.rebuild.copies import Copies
from throng.release.rebuild.recipes import Recipes
from throng.sections.label_density import LabelDensity
from throng.tables.density_labels import DensityLabelRow
from throng.tables.detections import DetectionRow

UNLABELLED = "not labelled again"


def labels_of(recipes: Recipes, copies: Copies, found: Mapping[str, DetectionRow]) -> dict[str, DensityLabelRow]:
    """Return the labels of every photograph that the release holds none of, by id.

    Some labels are relative to all images of the run, so that one photograph that is missing keeps all of them back:
    they are rejected rows then.
    """
    footer = recipes.footers("density_labels")[0]
    config: LabelDensity = TypeAdapter(LabelDensity).validate_python(footer["config"]["label_density"])
    known = {row.id: row for row in recipes.tables["calibrated_counts"]}
    photographs = [copies.rows.get(name, row) for name, row in recipes.photographs.items()]
    subjects = subjects_of(photographs, found, recipes.made.values(), known, config)
    labelling = Labelling(config, normalise(subjects))
    there = {row.id for row in recipes.tables["density_labels"] if row.table == PHOTOGRAPHS}
    mine = [one for one in subjects if one.table == PHOTOGRAPHS and one.row.id not in there]
    labels = {subject.row.id: labelling.row(subject) for subject in mine}
    reason = _withheld(recipes, copies, footer["parents"])
    if reason:
        return {name: rejected(row, reason) for name, row in labels.items()}
    return labels


def _withheld(recipes: Recipes, copies: Copies, parents: Mapping[str, str]) -> str:
    missing = sorted(
        name for name, row in recipes.photographs.items() if not row.redistributable and name in copies.faults
    )
    if missing:
        return (
            f"{UNLABELLED}: labels are relative to all photographs, and {len(missing)} are not there as they were; "
            f"the first: {copies.faults[missing[0]]}"
        )
    if any(name.endswith(".json") for name in parents):
        return f"{UNLABELLED}: labels were normalised by the file of another run, which the release does not hold"
    return ""


def rejected(row: DensityLabelRow, reason: str) -> DensityLabelRow:
    """Return a label's row without the label, and why."""
    return dataclasses.replace(row, **unlabelled(reason))
