"""Curves of a training that was resumed, end to end: the seed system's loss plot, with its choices made visible.

That plot left out the first 20 lines of every file but the first, whose losses swing while Adam's moments fill again,
and let each file's axis begin where the one before ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError
from throng.gan.tools.choices import Counting
from throng.gan.tools.loss_log import KIMG, RunLog

G_LOSS, D_LOSS, AUGMENT = "Loss/G/loss", "Loss/D/loss", "Progress/augment"
# a run that counts from 0 logs first within so many of its own intervals
INTERVALS = 1.5
DISTANCE = re.compile(r"frechet|(?<![a-z])fid")


@dataclass(frozen=True)
class Curve:
    """One field over thousands of images: float64 (N,) each, and the number of the run that each point is from."""

    kimg: np.ndarray
    values: np.ndarray
    run: np.ndarray


@dataclass(frozen=True)
class Chain:
    """The curves of several runs on one axis, and a sentence on how each was joined to the one before."""

    curves: Mapping[str, Curve]
    joints: Sequence[str]


@dataclass(frozen=True)
class _Placed:
    log: RunLog
    offset: float
    first: int  # line
    until: float  # kimg on the common axis from which a later run says what happened


def chain(logs: Sequence[RunLog], *, skip: int = 20, counting: Counting = Counting.AUTO) -> Chain:
    """Join the logs of a training and its resumes, in this order, on one axis of thousands of images.

    A run whose count of images continues keeps it, and what the run before logged beyond that point, lost when it was
    resumed from an older snapshot, is left out; one that counts from 0 again begins where the one before ends.
    ``skip`` lines are left out after each resume. Raises ThrongError when that leaves a run without any line.
    """
    placed: list[_Placed] = []
    joints = []
    for number, log in enumerate(logs):
        first = skip if number else 0
        if len(log) <= first:
            raise ThrongError(
                f"{log.name}: {len(log)} lines, and the first {first} after a resume are skipped; give a smaller --skip"
            )
        if placed:
            placed[-1], offset, joint = _joined(placed[-1], log, counting)
            joints.append(f"{log.name}: {joint}")
        else:
            offset = 0.0
        placed.append(_Placed(log, offset, first, np.inf))
    names = sorted({name for log in logs for name in (*log.fields, *log.metrics)} - {KIMG})
    curves = {name: _curve(name, placed) for name in names}
    return Chain({name: curve for name, curve in curves.items() if len(curve.kimg)}, joints)


def _joined(before: _Placed, log: RunLog, counting: Counting) -> tuple[_Placed, float, str]:
    start, end = float(np.nanmin(log.kimg)), before.offset + float(np.nanmax(before.log.kimg))
    continues = counting is Counting.CONTINUES or (counting is Counting.AUTO and _continues(before.log, log))
    if not continues:
        return before, end, f"counts from 0 again (first line at {start:g} kimg), so it begins at {end:g} kimg"
    begin = before.offset + start
    joint = f"continues at {begin:g} kimg"
    if begin < end:
        joint += f"; what the run before logged from there to {end:g} kimg was lost and is left out"
    return _Placed(before.log, before.offset, before.first, begin), before.offset, joint


def _continues(before: RunLog, log: RunLog) -> bool:
    start = float(np.nanmin(log.kimg))
    steps = np.diff(log.kimg if len(log) > 1 else before.kimg)
    interval = float(np.nanmedian(steps)) if len(steps) else 0.0
    return start > INTERVALS * interval


def _curve(name: str, placed: Sequence[_Placed]) -> Curve:
    parts = [_part(name, number, one) for number, one in enumerate(placed)]
    kimg, values, runs = (np.concatenate([part[k] for part in parts]) for k in range(3))
    return Curve(kimg, values, runs)


def _part(name: str, number: int, one: _Placed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if name in one.log.metrics:
        kimg, values = one.log.metrics[name]
    else:
        kimg = one.log.kimg[one.first :]
        values = one.log.fields.get(name, np.full(len(one.log), np.nan))[one.first :]
    x = kimg + one.offset
    kept = np.isfinite(values) & np.isfinite(x) & (x < one.until)
    return x[kept], values[kept], np.full(int(kept.sum()), number)


def smoothed(curve: Curve, half_life: float) -> np.ndarray:
    """Return the curve's moving average, in which a point's weight halves every ``half_life`` kimg.

    Weights are normalised, so the beginning is not drawn to 0; 0 leaves the values as they are. Shape (N,), float64.
    """
    if half_life <= 0 or len(curve.values) == 0:
        return curve.values
    decay = 0.5 ** (np.diff(curve.kimg, prepend=curve.kimg[0]).clip(min=0) / half_life)
    made = np.empty_like(curve.values)
    total = weight = 0.0
    for index, (value, keep) in enumerate(zip(curve.values, decay, strict=True)):
        total, weight = total * keep + value, weight * keep + 1
        made[index] = total / weight
    return made


def is_distance(name: str) -> bool:
    """Tell whether a field is a Fréchet distance of features, FID among them."""
    return DISTANCE.search(name.lower()) is not None
