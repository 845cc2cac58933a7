"""What counts say of obedience: order, means, classes and calibration, of generated and of real images alike.

Source: own. Rank correlation: Spearman, Am. J. Psychol. 15, 1904; intervals: percentile bootstrap (Efron, Ann. Statist.
7, 1979) over seeds, because images of one seed show one scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.density_audit.correlation import resampled, spearman
from throng.density_audit.resampling import Draws
from throng.gan.conditioning.boundaries import class_of

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CONFIDENCE = 0.95
SCALE = 10_000  # whole weights of images, so that every label weighs the same
Record = dict[str, Any]


@dataclass(frozen=True)
class Answers:
    """What a judge said of N images: ``counted`` (N,) of images whose labels are ``values`` (N,), ``group`` of K.

    ``cluster`` (N,) int tells what the bootstrap draws whole: a generator's seed, or a real image. ``expected`` (N,) is
    what the label stands for in the judge's unit, NaN where nobody knows; ``balanced`` lets every label weigh the same.
    """

    values: np.ndarray
    group: np.ndarray
    counted: np.ndarray
    cluster: np.ndarray
    expected: np.ndarray
    balanced: bool

    def weights(self, labels: int) -> np.ndarray:
        """Return (N,) whole weights: all one, or such that every label of ``labels`` weighs the same."""
        if not self.balanced:
            return np.ones(len(self.group), int)
        sizes = np.bincount(self.group, minlength=labels)
        return np.maximum(np.rint(SCALE / sizes[self.group]), 1).astype(int)


def measured(
    answers: Answers, names: Sequence[str], cuts: np.ndarray | None, *, draws: int, random: np.random.Generator
) -> Record:
    """Return the figures of a judge's answers; ``cuts`` (K - 1,) make classes of counts, None: there are none.

    A figure that is not defined is None, as the correlation of a constant.
    """
    labels = len(names)
    weights = answers.weights(labels)
    chosen = Draws.of([str(one) for one in answers.cluster.tolist()], draws, CONFIDENCE, random)
    times = np.concatenate(list(chosen.blocks())) * weights
    return {
        "images": len(answers.counted),
        "clusters": chosen.scenes,
        "labels": _by_label(answers, names, times),
        "spearman": _spearman(answers, weights, times),
        "rising": _rising(answers, labels, times),
        "classes": None if cuts is None else _classes(answers, labels, weights, times, cuts),
        "calibration": _calibration(answers, weights, times),
    }


def shuffled(answers: Answers, *, draws: int, random: np.random.Generator) -> Record:
    """Return the correlation with labels dealt to the images anew: what a generator that is deaf would have."""
    values = random.permutation(answers.values)
    dealt = Answers(values, answers.group, answers.counted, answers.cluster, answers.expected, False)
    times = random.multinomial(len(values), np.full(len(values), 1 / len(values)), draws)
    return _spearman(dealt, np.ones(len(values), int), times)


def monotone(counted: np.ndarray) -> Record:
    """Return how often the same scene holds more people where more are asked for, of (S, K) counts in rising order.

    ``strictly`` and ``never_falling`` are shares of the S scenes over all K labels; ``pairs`` is the share of a scene's
    pairs of labels whose counts are in order, a tie half; ``chance`` is what ``strictly`` would be of counts dealt at
    random, 1 / K!.
    """
    scenes, labels = counted.shape
    steps = np.diff(counted, axis=1)
    lower, upper = np.triu_indices(labels, 1)
    gaps = counted[:, upper] - counted[:, lower]
    return {
        "scenes": scenes,
        "strictly": float((steps > 0).all(1).mean()),
        "never_falling": float((steps >= 0).all(1).mean()),
        "pairs": float(((gaps > 0) + 0.5 * (gaps == 0)).mean()),
        "chance": float(1 / np.prod(np.arange(1, labels + 1, dtype=np.float64))),
    }


def interval(drawn: np.ndarray) -> list[float] | None:
    """Return the central interval [low, high] of drawn values, undefined ones left out; None of none."""
    known = drawn[np.isfinite(drawn)]
    if len(known) == 0:
        return None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return [float(low), float(high)]


def _spearman(answers: Answers, weights: np.ndarray, times: np.ndarray) -> Record:
    every = np.arange(len(answers.counted))
    if len(np.unique(weights)) == 1:
        value = spearman(answers.values, answers.counted)
    else:
        once = Draws(every, weights[None], CONFIDENCE)
        value = float(resampled(answers.values, answers.counted, once)[0])
    drawn = resampled(answers.values, answers.counted, Draws(every, times, CONFIDENCE))
    return {"value": _known(value), "interval": interval(drawn)}


def _by_label(answers: Answers, names: Sequence[str], times: np.ndarray) -> list[Record]:
    means = _means(answers, len(names), times)
    found: list[Record] = []
    for number, name in enumerate(names):
        mine = answers.counted[answers.group == number]
        expected = answers.expected[answers.group == number]
        record: Record = {"label": name, "images": len(mine), "expected": None, "mean": None, "mean_interval": None}
        record |= {"std": None, "quantiles": None}
        if len(mine):
            record |= {
                "expected": _known(float(expected.mean())),
                "mean": float(mine.mean()),
                "mean_interval": interval(means[:, number]),
                "std": float(mine.std()),
                "quantiles": dict(zip(map(str, QUANTILES), np.quantile(mine, QUANTILES).tolist(), strict=True)),
            }
        found.append(record)
    return found


def _rising(answers: Answers, labels: int, times: np.ndarray) -> Record:
    """Return whether the mean counts of the labels rise strictly, and in what share of the draws they do."""
    once = _means(answers, labels, np.ones((1, len(answers.counted)), int))[0]
    drawn = np.diff(_means(answers, labels, times), axis=1)
    known = np.isfinite(drawn).all(1)
    complete = bool(np.isfinite(once).all())
    return {
        "strictly": bool((np.diff(once) > 0).all()) if complete else None,
        "share_of_draws": float((drawn[known] > 0).all(1).mean()) if complete and known.any() else None,
    }


def _means(answers: Answers, labels: int, times: np.ndarray) -> np.ndarray:
    """Return the (D, K) mean counts per label of draws (D, N); NaN where a draw has no image of a label."""
    member = (answers.group[:, None] == np.arange(labels)).astype(np.float64)
    sizes = times @ member
    return np.where(sizes > 0, times @ (member * answers.counted[:, None]) / np.where(sizes > 0, sizes, 1), np.nan)


def _classes(answers: Answers, labels: int, weights: np.ndarray, times: np.ndarray, cuts: np.ndarray) -> Record:
    said = class_of(answers.counted, cuts)
    confusion = np.zeros((labels, labels), int)
    np.add.at(confusion, (answers.group, said), 1)
    apart = np.abs(said - answers.group)

    def share(right: np.ndarray) -> Record:
        drawn = (times @ right) / np.maximum(times.sum(1), 1)
        return {"value": float(np.average(right, weights=weights)), "interval": interval(drawn)}

    return {
        "cuts": cuts.tolist(),
        "confusion": confusion.tolist(),
        "accuracy": share((apart == 0).astype(np.float64)),
        "within_one": share((apart <= 1).astype(np.float64)),
        "mean_difference": float(np.average(apart, weights=weights)),
        "chance": 1 / labels,
    }


def _calibration(answers: Answers, weights: np.ndarray, times: np.ndarray) -> Record | None:
    """Return how far counts are from what their labels stand for, and the line counted = slope x expected + offset."""
    known = np.isfinite(answers.expected)
    if not known.any():
        return None
    expected, counted = answers.expected[known], answers.counted[known]
    weights, times = weights[known], times[:, known]
    error = counted - expected
    totals = np.maximum(times.sum(1), 1)
    across = expected - np.average(expected, weights=weights)
    spread = float(np.average(across**2, weights=weights))
    slope = float(np.average(across * counted, weights=weights)) / spread if spread > 0 else None
    middle = float(np.average(counted, weights=weights))
    return {
        "mae": float(np.average(np.abs(error), weights=weights)),
        "mae_interval": interval(times @ np.abs(error) / totals),
        "bias": float(np.average(error, weights=weights)),
        "bias_interval": interval(times @ error / totals),
        "slope": slope,
        "offset": None if slope is None else middle - slope * float(np.average(expected, weights=weights)),
    }


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
