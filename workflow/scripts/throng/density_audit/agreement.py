"""How far labellers agree with each other: Cohen's kappa of their classes, Spearman's correlation of their scores."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.density_audit.correlation import partial, resampled, spearman
from throng.density_audit.resampling import Draws

FEWEST = 3
Record = dict[str, Any]


@dataclass(frozen=True)
class Opinion:
    """What one labeller says of N images: ``scores`` (N,) float64, NaN where none; ``classes`` (N,) int, -1 where none.

    ``sizes`` is the number of classes that it could say.
    """

    name: str
    scores: np.ndarray
    classes: np.ndarray
    sizes: int


def kappa(table: np.ndarray, *, quadratic: bool) -> np.ndarray:
    """Return Cohen's kappa (...) of contingency tables (..., K, K): 1 - observed over expected disagreement.

    ``quadratic`` weighs a disagreement by the square of the classes' distance, otherwise all weigh the same; NaN where
    both say one and the same class only (Cohen, Educ. Psychol. Meas. 20, 1960; weighted: Psychol. Bull. 70, 1968).
    """
    size = table.shape[-1]
    apart = np.abs(np.arange(size)[:, None] - np.arange(size))
    weight = apart.astype(np.float64) ** 2 if quadratic else (apart > 0).astype(np.float64)
    number = table.sum((-2, -1))
    by_chance = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
    expected = (weight * by_chance).sum((-2, -1))
    observed = (weight * table).sum((-2, -1)) * number
    return np.where(expected > 0, 1 - observed / np.where(expected > 0, expected, 1), np.nan)


def pairs(opinions: Sequence[Opinion], draws: Draws) -> list[Record]:
    """Return a record for every two labellers: kappa, weighted kappa and Spearman with intervals, or why not."""
    return [
        {
            "first": one.name,
            "second": two.name,
            **_classes(one, two, draws),
            "spearman": rank_agreement(one, two, draws),
        }
        for one, two in itertools.combinations(opinions, 2)
    ]


def rank_agreement(one: Opinion, two: Opinion, draws: Draws) -> Record:
    """Return the rank correlation of two labellers' scores over the images that both give one."""
    return correlation(one.scores, two.scores, draws)[0]


def correlation(first: np.ndarray, second: np.ndarray, draws: Draws) -> tuple[Record, np.ndarray]:
    """Return Spearman's correlation of two (N,) arrays where neither is NaN, with its interval, and the drawn ones."""
    both = np.isfinite(first) & np.isfinite(second)
    record: Record = {"images": int(both.sum()), "value": None, "low": None, "high": None, "reason": ""}
    nothing = np.full(len(draws.times), np.nan)
    if both.sum() < FEWEST:
        return record | {"reason": f"too few images: {int(both.sum())} of {FEWEST}"}, nothing
    value = spearman(first[both], second[both])
    if np.isnan(value):
        return record | {"reason": "constant: one of them is the same for all images"}, nothing
    among = draws.among(both)
    drawn = resampled(first[both], second[both], among)
    low, high = among.interval(drawn)
    return record | {"value": value, "low": low, "high": high}, drawn


def partial_correlation(
    first: np.ndarray, second: np.ndarray, third: np.ndarray, draws: Draws
) -> tuple[Record, np.ndarray]:
    """Return :func:`correlation` of the first two (N,) arrays at equal values of the third, by partial ranks."""
    known = np.isfinite(third)
    first, second = np.where(known, first, np.nan), np.where(known, second, np.nan)
    third = np.where(np.isfinite(first) & np.isfinite(second), third, np.nan)
    pairs_of = ((first, second), (first, third), (second, third))
    measured = [correlation(one, two, draws) for one, two in pairs_of]
    record, drawn = measured[0][0] | {"value": None, "low": None, "high": None}, measured[0][1]
    for one, _ in measured:
        if one["value"] is None:
            return record | {"reason": one["reason"]}, np.full_like(drawn, np.nan)
    between, left, right = (np.array(one["value"]) for one, _ in measured)
    value = float(partial(between, left, right))
    if np.isnan(value):
        return record | {"reason": "the same: it orders the images as the number of people does"}, drawn * np.nan
    drawn = partial(*(each for _, each in measured))
    low, high = draws.among(np.isfinite(third)).interval(drawn)
    return record | {"value": value, "low": low, "high": high}, drawn


def _classes(one: Opinion, two: Opinion, draws: Draws) -> Record:
    """Return the kappas of two labellers over the images that both give a class."""
    both = (one.classes >= 0) & (two.classes >= 0)
    record: Record = {"images": int(both.sum()), "kappa": None, "weighted_kappa": None, "reason": ""}
    if one.sizes != two.sizes:
        return record | {"reason": f"different numbers of classes: {one.sizes} and {two.sizes}"}
    if not both.any():
        return record | {"reason": "no image has a class by both"}
    among, size = draws.among(both), one.sizes
    cells = (one.classes[both] * size + two.classes[both]) + among.scene * size * size
    scenes = draws.times.shape[1]
    tables = np.bincount(cells, minlength=scenes * size * size).reshape(scenes, size * size)
    whole = tables.sum(0).reshape(size, size)
    if np.isnan(kappa(whole, quadratic=False)):
        return record | {"reason": "constant: both say one and the same class for all images"}
    drawn = (draws.times @ tables).reshape(-1, size, size)
    for name, quadratic in (("kappa", False), ("weighted_kappa", True)):
        low, high = among.interval(kappa(drawn, quadratic=quadratic))
        record[name] = {"value": float(kappa(whole, quadratic=quadratic)), "low": low, "high": high}
    return record
