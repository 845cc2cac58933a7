"""How wrong the fitted ground is: camera height and people per square metre against the rendered truth."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from throng.auditing.shares import share
from throng.density import area
from throng.density_audit.gathering import Gathered, Labelled
from throng.density_audit.verdict import groups

TOLERANCE = 0.1
HEIGHT, DENSITY = "camera height", "people per square metre"
Record = dict[str, Any]


def figures(gathered: Gathered) -> list[Record]:
    """Return a record per group of rendered photographs: how many grounds are determined, and how wrong they are."""
    records: list[Record] = []
    for group, mask in groups(gathered).items():
        rendered = [one for one, mine in zip(gathered.images, mask, strict=True) if mine and one.truth is not None]
        if not rendered:
            continue
        determined = [one for one in rendered if one.row.ground is not None]
        errors = {
            HEIGHT: _error([found for one in determined if (found := _height(one)) is not None]),
            DENSITY: _error([found for one in determined if (found := _density(one)) is not None]),
        }
        records.append(
            {
                "group": group,
                "images": len(rendered),
                "determined": len(determined),
                "errors": {name: error for name, error in errors.items() if error is not None},
            }
        )
    return records


def _height(labelled: Labelled) -> tuple[float, float, float, float] | None:
    """Return estimate, low, high and truth of the camera height."""
    ground, truth = labelled.row.ground, labelled.truth
    if ground is None or truth is None:
        return None
    return (
        ground["camera_height_m"], ground["camera_height_low_m"], ground["camera_height_high_m"], truth.camera.height_m,
    )  # fmt: skip


def _density(labelled: Labelled) -> tuple[float, float, float, float] | None:
    """Return estimate, low, high and truth: the same measure of the true places before the true camera."""
    ground, truth = labelled.row.ground, labelled.truth
    true = None if truth is None else area.people_per_m2(truth.crowd)
    if ground is None or true is None or true.people_per_m2 == 0:
        return None
    return ground["people_per_m2"], ground["people_per_m2_low"], ground["people_per_m2_high"], true.people_per_m2


def _error(found: Sequence[tuple[float, float, float, float]]) -> Record | None:
    """Return relative errors of estimates with intervals, each (estimate, low, high, truth)."""
    if not found:
        return None
    estimate, low, high, true = np.array(found, np.float64).T
    off = np.abs(estimate / true - 1)
    return {
        "images": len(found),
        "median": float(np.median(off)),
        "p90": float(np.quantile(off, 0.9)),
        "ratio": float(np.median(estimate / true)),
        "within": float((off <= TOLERANCE).mean()),
        "covered": share(int(((low <= true) & (true <= high)).sum()), len(found)),
    }
