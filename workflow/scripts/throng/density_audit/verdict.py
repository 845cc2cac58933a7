"""Which labeller tells the truth: rank correlation of every score with every truth, and a sentence about it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.density_audit.agreement import Opinion, correlation, partial_correlation
from throng.density_audit.correlation import signed
from throng.density_audit.gathering import PHOTOGRAPHS, SYNTHETIC, Gathered, Labelled
from throng.density_audit.resampling import Draws
from throng.tables.images import ImageRow

Record = dict[str, Any]
Found = dict[str, tuple[Record, np.ndarray]]

FELT, PER_M2, PEOPLE, FELT_AT_COUNT = "felt", "per_m2", "people", "felt_at_count"
MEANINGS = {
    FELT: "how crowded people feel",
    PER_M2: "people per square metre of visible ground",
    PEOPLE: "number of people",
}
AT_COUNT = "how crowded people feel, at equal numbers of people"
GROUND_PLANE = "ground plane"
RENDERED, MADE = "rendered photographs", "synthesised images"


def truths(gathered: Gathered) -> dict[str, np.ndarray]:
    """Return every truth of every image, (N,) float64, NaN where it is not known.

    Of a synthesised image only the number of people is known, where its maker knows it.
    """
    return {name: np.array([_true(one, name) for one in gathered.images], np.float64) for name in MEANINGS}


def _true(labelled: Labelled, name: str) -> float:
    if labelled.truth is not None:
        return float(getattr(labelled.truth, name))
    known = name == PEOPLE and not isinstance(labelled.image, ImageRow) and labelled.image.count is not None
    return float(labelled.row.count) if known and labelled.row.count is not None else np.nan


def ground_plane(gathered: Gathered) -> Opinion:
    """Return the people per square metre by the ground plane as if they were one more labeller's score."""
    grounds = [one.row.ground for one in gathered.images]
    scores = np.array([np.nan if ground is None else ground["people_per_m2"] for ground in grounds], np.float64)
    return Opinion(GROUND_PLANE, scores, np.full(len(scores), -1), 0)


def groups(gathered: Gathered) -> dict[str, np.ndarray]:
    """Return which images are judged together, (N,) bool: all rendered ones, those of each source, synthesised ones."""
    rendered = np.array([one.truth is not None for one in gathered.images], bool)
    sources = np.array([one.group for one in gathered.images])
    made = np.array([one.row.table == SYNTHETIC for one in gathered.images], bool)
    among = sorted({one.group for one in gathered.images if one.truth is not None and one.row.table == PHOTOGRAPHS})
    each = {f"source {name}": rendered & (sources == name) for name in among} if len(among) > 1 else {}
    return {name: mask for name, mask in ({RENDERED: rendered} | each | {MADE: made}).items() if mask.any()}


def judge(gathered: Gathered, opinions: Sequence[Opinion], draws: Draws, target: float) -> list[Record]:
    """Return a record per group and truth: each labeller's rank correlation with its interval, and the verdict.

    How crowded people feel is judged again at equal numbers of people: what a labeller knows of crowding beyond the
    count.
    """
    known = truths(gathered)
    records: list[Record] = []
    for group, mask in groups(gathered).items():
        true = {name: np.where(mask, values, np.nan) for name, values in known.items()}
        for name, values in true.items():
            if np.isfinite(values).any():
                found = {one.name: correlation(one.scores, values, draws) for one in opinions}
                records.append(_judged(group, name, MEANINGS[name], found, values, draws, target))
            if name == FELT and np.isfinite(values).any():
                found = {one.name: partial_correlation(one.scores, values, true[PEOPLE], draws) for one in opinions}
                records.append(_judged(group, FELT_AT_COUNT, AT_COUNT, found, values, draws, target))
    return records


def _judged(group: str, name: str, meaning: str, found: Found, true: np.ndarray, draws: Draws, target: float) -> Record:
    labellers = [{"labeller": labeller, **record} for labeller, (record, _) in found.items()]
    known = np.isfinite(true)
    record: Record = {
        "group": group,
        "truth": name,
        "meaning": meaning,
        "images": int(known.sum()),
        "scenes": draws.among(known).scenes,
        "labellers": labellers,
    }
    return record | _verdict(
        labellers, {labeller: drawn for labeller, (_, drawn) in found.items()}, draws, record["images"], target
    )


def _verdict(
    labellers: Sequence[Record], drawn: Mapping[str, np.ndarray], draws: Draws, images: int, target: float
) -> Record:
    ranked = sorted((one for one in labellers if one["value"] is not None), key=lambda one: -one["value"])
    if not ranked:
        return {
            "best": None,
            "as_good": [],
            "tells": [],
            "inverted": [],
            "verdict": "no labeller's score can be ranked",
        }
    best = ranked[0]
    as_good: list[str] = []
    for one in ranked[1:]:
        low, _ = draws.interval(drawn[best["labeller"]] - drawn[one["labeller"]])
        if low is not None and low <= 0:
            as_good.append(one["labeller"])
    tells = [one["labeller"] for one in ranked if one["value"] >= target]
    inverted = [one["labeller"] for one in reversed(ranked) if _surely_negative(one)]
    values = {one["labeller"]: one for one in ranked}
    return {
        "best": best["labeller"],
        "as_good": as_good,
        "tells": tells,
        "inverted": inverted,
        "verdict": _sentence(values, best["labeller"], as_good, tells, inverted, images, target),
    }


def _surely_negative(one: Record) -> bool:
    return one["value"] < 0 and (one["high"] is None or one["high"] < 0)


def _sentence(
    values: Mapping[str, Record], best: str, as_good: Sequence[str], tells: Sequence[str], inverted: Sequence[str],
    images: int, target: float,
) -> str:  # fmt: skip
    def named(names: Sequence[str]) -> str:
        return ", ".join(_named(values[name], images) for name in names)

    at_least = f"Spearman {target:g} or more"
    parts = [f"told by {named(tells)} ({at_least})" if tells else f"told by none ({at_least}), best by {named([best])}"]
    others = [name for name in as_good if name not in tells]
    if others:
        parts.append(f"too close to {best} to call: {', '.join(others)}")
    if inverted:
        parts.append(f"turned upside down by {named(inverted)}")
    return "; ".join(parts)


def _named(record: Record, images: int) -> str:
    interval = "" if record["low"] is None else f" ({signed(record['low'])} to {signed(record['high'])})"
    few = "" if record["images"] == images else f" on {record['images']} images"
    return f"{record['labeller']} {signed(record['value'])}{interval}{few}"
