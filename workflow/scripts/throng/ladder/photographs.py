"""The photographs that are measured, with their true counts, and what is known without and with labels beside them."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from throng.errors import ThrongError
from throng.manifest import OK, read_rows, read_table
from throng.tables import calibrated_counts, images, synthetic
from throng.tables.images import ImageRow


def measured(path: Path, split: str) -> tuple[list[ImageRow], list[int]]:
    """Return the labelled photographs of a split by id, and the counts of the labelled training photographs.

    Raises ThrongError when the split has none, or one twice.
    """
    labelled = [r for r in read_rows(path, images.TABLE, ImageRow) if r.status == OK and r.count is not None]
    chosen = sorted((row for row in labelled if row.split == split), key=lambda row: row.id)
    if not chosen:
        raise ThrongError(
            f"the ladder is measured on labelled photographs, and split {split!r} has none: add a labelled source, or "
            f"measure another split (ladder.split)"
        )
    for one, other in pairwise(chosen):
        if one.id == other.id:
            raise ThrongError(
                f"{one.source}/{one.path} and {other.source}/{other.path} of split {split!r} are the same photograph, "
                f"which would count twice; remove one copy from its source"
            )
    return chosen, [row.count for row in labelled if row.split == "train" and row.count is not None]


def mean_synthetic_count(made: Sequence[Path], calibrated: Path) -> float:
    """Return the mean count of the synthesised training images that calibration kept.

    Raises ThrongError when it kept none.
    """
    training = {row["id"] for row in read_table(made, synthetic.TABLE, ["id", "split"]).to_pylist() if _trains(row)}
    judged = read_table(calibrated, calibrated_counts.TABLE, ["id", "count", "status"]).to_pylist()
    counts = [r["count"] for r in judged if r["id"] in training and r["status"] == OK and r["count"] is not None]
    if not counts:
        raise ThrongError(
            "rung prior: calibrate_counts kept no synthesised image of split train: make more, or drop it"
        )
    return float(np.mean(counts))


def _trains(row: dict[str, str]) -> bool:
    return row["split"] == "train"
