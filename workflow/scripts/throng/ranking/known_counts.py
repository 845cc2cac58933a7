"""Synthesised images of known counts: which of them are fitted, which are held out, and why the others are neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.manifest import OK, read_table
from throng.ranking.fit import count_noise_weights
from throng.tables.calibrated_counts import TABLE as CALIBRATED
from throng.tables.synthetic import TABLE as SYNTHETIC

# a calibrated count below this is nobody
NOBODY = 0.5
# of an id, so that membership depends on nothing else
SHARES = 1 << 32


@dataclass(frozen=True)
class KnownCount:
    """A synthesised image, the people it is taken to show, and what it weighs in a fit."""

    id: str
    path: str
    people: float
    weight: float


@dataclass(frozen=True)
class KnownCounts:
    """Images to fit and images held out, both by id, and how many were left out for which reason."""

    fitted: list[KnownCount]
    held_out: list[KnownCount]
    left_out: dict[str, int]

    @property
    def most(self) -> float:
        """Return the largest count."""
        return max(row.people for row in [*self.fitted, *self.held_out])


def known_counts(synthetic: Sequence[Path], calibrated: Path, keys: Mapping[str, Any]) -> KnownCounts:
    """Return the images of split train that teach a count.

    ``keys`` are ``counts`` ("requested" or "calibrated"), ``rows`` ("filtered" by calibration or "all"),
    ``zero_images``, ``weighting`` ("uniform", "calibrated" or "noise"), ``least_std`` and ``held_out`` as in section
    fit_counts. Raises ThrongError when none is left, or nobody is on any.
    """
    judged = {row["id"]: row for row in _records([calibrated], CALIBRATED, ["id", "count", "std", "weight", "status"])}
    rows: list[KnownCount] = []
    fates: Counter[str] = Counter()
    for record in _records(synthetic, SYNTHETIC, ["id", "path", "requested", "split", "status"]):
        judgement = judged.get(record["id"])
        people = _people(record, judgement, keys["counts"])
        fate = _fate(record, judgement, people, keys)
        if fate:
            fates[fate] += 1
        else:
            assert people is not None
            rows.append(KnownCount(record["id"], record["path"], people, _weight(judgement, keys)))
    left_out = dict(sorted(fates.items()))
    rows.sort(key=lambda row: row.id)
    held = [row for row in rows if int(row.id[:8], 16) < keys["held_out"] * SHARES]
    fitted = [row for row in rows if int(row.id[:8], 16) >= keys["held_out"] * SHARES]
    if not fitted:
        why = ", ".join(f"{number} {fate}" for fate, number in left_out.items()) or "none were made"
        raise ThrongError(
            f"no synthesised image is left to fit counts to ({why}; {len(held)} held out): synthesise more, or relax "
            f"rows, counts or zero_images"
        )
    if not any(row.people >= NOBODY for row in fitted):
        raise ThrongError(f"all {len(fitted)} synthesised images to fit show nobody: prompt for images with people")
    return KnownCounts(fitted, held, left_out)


def _records(paths: Sequence[Path], table: Any, columns: list[str]) -> list[dict[str, Any]]:
    return read_table(paths, table, columns).to_pylist()


def _people(record: Mapping[str, Any], judgement: Mapping[str, Any] | None, counts: str) -> float | None:
    known: Mapping[str, Any] = record if counts == "requested" else judgement or {}
    found = known.get("requested" if counts == "requested" else "count")
    return None if found is None else float(found)


def _fate(
    record: Mapping[str, Any], judgement: Mapping[str, Any] | None, people: float | None, keys: Mapping[str, Any]
) -> str:
    """Return why an image is left out; empty when it is not."""
    kept = judgement is not None and judgement["status"] == OK
    fates = {
        "of another split": record["split"] != "train",
        "rejected": record["status"] != OK,
        "not kept by calibrate_counts": keys["rows"] == "filtered" and not kept,
        f"without a {keys['counts']} count": people is None,
        "of nobody": people is not None and people < NOBODY and not keys["zero_images"],
        "of weight 0": _weight(judgement, keys) == 0,
    }
    return next((fate for fate, holds in fates.items() if holds), "")


def _weight(judgement: Mapping[str, Any] | None, keys: Mapping[str, Any]) -> float:
    if keys["weighting"] == "uniform":
        return 1.0
    if judgement is None:
        return 0.0
    if keys["weighting"] == "calibrated":
        return float(judgement["weight"])
    if judgement["std"] is None:
        return 0.0
    return float(count_noise_weights(judgement["std"], keys["least_std"]))
